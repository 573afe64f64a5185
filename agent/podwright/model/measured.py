# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured of pods: the content of each event, its digest, and what a log of them adds up to.

docs/tpm.md has the format, for those who verify it. Pure: nothing here knows a TPM.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import HostError, UsageError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FORMAT = 1
CONTENT_TYPE = "podwright"
BASELINE, POD_START, POD_END, APP_ADD, APP_RM, MISSED, MISMATCH = (
    "baseline",
    "pod-start",
    "pod-end",
    "app-add",
    "app-rm",
    "missed",
    "mismatch",
)
EVENTS = (BASELINE, POD_START, POD_END, APP_ADD, APP_RM, MISSED, MISMATCH)
BANKS = {"sha256": 32, "sha384": 48, "sha512": 64}
"""PCR banks that are good for it, and the bytes of their values."""


@value
class Record:
    """One record of the event log, as CEL-JSON has it.

    bank, digest   of `content`; a record has the digest of one bank only
    """

    recnum: int
    pcr: int
    bank: str
    digest: str
    content: dict[str, Any]


@value
class Replay:
    """What a log adds up to.

    value     of the PCR after the last record, hex
    previous  before the last record
    mismatches   numbers of records which say that the PCR was not what the log gave
    """

    value: str
    previous: str
    mismatches: tuple[int, ...] = ()


def canonical(content: dict[str, Any]) -> bytes:
    """The bytes that are measured: RFC 8785, which for what events hold is jsonio's one-line form.

    Keys are ASCII and there are no fractions, so sorting and numbers leave no choice.
    """
    return jsonio.dumps(content).encode()


def digest(data: bytes, bank: str = "sha256") -> str:
    """The hash of some bytes, hex, by the bank's algorithm."""
    found: str = hasher(bank)(data).hexdigest()
    return found


def extended(value_: str, digest_: str, bank: str) -> str:
    """What a PCR of `value_` is after it was extended with a digest (all hex)."""
    return digest(bytes.fromhex(value_) + bytes.fromhex(digest_), bank)


def zero(bank: str) -> str:
    """What a PCR is after a reset of the platform, hex."""
    return "00" * BANKS[bank]


def record(recnum: int, pcr: int, bank: str, content: dict[str, Any]) -> Record:
    """The record of an event."""
    return Record(recnum, pcr, bank, digest(canonical(content), bank), content)


def to_json(one: Record) -> dict[str, Any]:
    """A record as CEL-JSON."""
    return {
        "recnum": one.recnum,
        "pcr": one.pcr,
        "digests": [{"hashAlg": one.bank, "digest": one.digest}],
        "content_type": CONTENT_TYPE,
        "content": one.content,
    }


def from_json(raw: Any, where: str) -> Record:
    """The record that is written down there. Raises UsageError for what is none, or is not its digest's."""
    try:
        (only,) = raw["digests"]
        one = Record(raw["recnum"], raw["pcr"], only["hashAlg"], only["digest"], raw["content"])
        whole = raw == to_json(one) and one.bank in BANKS and type(one.content["event"]) is str
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole or type(one.recnum) is not int or type(one.pcr) is not int:
        raise UsageError(f"{where}: not a record of podwright's", reason="bad-log")
    if digest(canonical(one.content), one.bank) != one.digest:
        raise UsageError(f"{where}: its digest is not that of its content", reason="bad-log")
    return one


def replay(
    records: Iterable[Record], pcr: int, bank: str, first: int = 0, value_: str = ""
) -> Replay:
    """Extend a PCR with everything, in order, beginning from what the baseline says it was.

    first, value_  number of the first record, and what the PCR is before it, where that is known
    Raises UsageError where the records are no log: a number or a PCR is wrong, the baseline is
    missing or comes again.
    """
    now = before = value_ or zero(bank)
    mismatches = []
    for number, one in enumerate(records, first):
        _in_place(one, number, pcr, bank)
        if one.content["event"] in (BASELINE, MISMATCH):
            now = found(one, bank)
            if one.content["event"] == MISMATCH or now != zero(bank):
                mismatches.append(number)
        before, now = now, extended(now, one.digest, bank)
    return Replay(now, before, tuple(mismatches))


def _in_place(one: Record, number: int, pcr: int, bank: str) -> None:
    where = f"record {number}"
    if one.recnum != number:
        raise UsageError(f"{where} has number {one.recnum}", reason="bad-log")
    if (one.pcr, one.bank) != (pcr, bank):
        raise UsageError(f"{where} is of PCR {one.pcr} of bank {one.bank}", reason="bad-log")
    if (one.content["event"] == BASELINE) != (number == 0):
        why = "is a second baseline" if number else "is not the baseline"
        raise UsageError(f"{where} {why}", reason="bad-log")


def found(one: Record, bank: str) -> str:
    """The value of the PCR that a baseline or a mismatch says was there before it."""
    text = one.content.get("value")
    digits = "0123456789abcdef"
    if isinstance(text, str) and len(text) == 2 * BANKS[bank] and not text.strip(digits):
        return text
    raise UsageError(f"record {one.recnum} has no value of the PCR", reason="bad-log")


def root_digest(mtrees: Iterable[str], what: str) -> str:
    """The digest of a rendered root: of the lists (mtree) of its layers, lowest first.

    mtrees  SHA-256 of each list, hex. Raises HostError where one is not known, rather than
    measuring nothing in its place, as rkt did.
    """
    lines = []
    for one in mtrees:
        if len(one) != 64 or one.strip("0123456789abcdef"):
            raise HostError(
                f"{what}: there is no digest of its rendered root",
                "remove the image and fetch it again",
                object=what,
                reason="not-measured",
            )
        lines.append(f"sha256:{one}\n")
    if not lines:
        raise HostError(f"{what}: it has no rendered root", object=what, reason="not-measured")
    return f"sha256:{digest(''.join(lines).encode())}"


def hasher(bank: str) -> Any:
    """What makes hashes of a bank: the interpreter's own hash where it has it: hashlib would load OpenSSL."""
    if bank == "sha256":
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]

            return sha256
        except ImportError:
            pass
    import hashlib

    return getattr(hashlib, bank)
