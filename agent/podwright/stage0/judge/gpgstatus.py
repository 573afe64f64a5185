# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpg's status lines about one signature amount to (gpg's doc/DETAILS), with our own conditions.

gpg's exit status alone accepts expired and revoked keys and weak digests (threats.md, section 0).
"""

from __future__ import annotations

import re
import time

from podwright.host import clock
from podwright.stage0.judge import pgp
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage0.judge.gpg import Gpg, StatusLog

DIGESTS = {8: "sha256", 9: "sha384", 10: "sha512"}
MIN_RSA_BITS = 2048
CLOCK_SKEW = 300
_RESULTS = ("GOODSIG", "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG")
_VALIDSIG = re.compile(
    r"([0-9A-F]{40}) \S+ ([0-9]{1,12}) ([0-9]{1,12}) ([0-9]+) \S+ ([0-9]+) ([0-9]+)"
    r" ([0-9A-F]{2}) ([0-9A-F]{40})\Z"
)


@value
class Finding:
    """What one signature amounts to: `good`, `bad`, or a reason why it counts as nothing.

    fingerprint  of the primary key, or what the signature names as its issuer
    expires      seconds since the epoch when signature, key or subkey expires first, or 0
    """

    kind: str
    fingerprint: str = ""
    sentence: str = ""
    signed: int = 0
    expires: int = 0
    digest: str = ""


@value
class KeyFacts:
    """What gpg knows of a key or subkey: `expires` is 0 for never, `usage` has an s for signing."""

    algorithm: int
    bits: int
    expires: int
    created: int = 0
    usage: str = ""


def key_facts(gpg: Gpg) -> dict[str, KeyFacts]:
    """Facts of every key and subkey by fingerprint."""
    out: dict[str, KeyFacts] = {}
    for key in gpg.list_keys():
        out[key["fingerprint"]] = _facts(key)
        for keyid, _, fingerprint, *_ in key["subkeys"]:
            out[fingerprint] = _facts(key["subkey_info"][keyid])
    return out


def _facts(part: dict[str, str]) -> KeyFacts:
    numbers = [part[name] for name in ("algo", "length", "expires", "date")]
    algorithm, bits, expires, created = (int(text) if text.isdigit() else 0 for text in numbers)
    return KeyFacts(algorithm, bits, expires, created, part["cap"])


def read_status(
    log: StatusLog, issuer: str, signature: pgp.Signature, facts: dict[str, KeyFacts]
) -> Finding:
    """What gpg's status lines for one signature amount to."""
    lines = log.lines
    results = [(key, text) for key, text in lines if key in _RESULTS]
    if len(results) != 1 or sum(key == "NEWSIG" for key, _ in lines) != 1:
        return Finding("gpg-failed", issuer, _no_answer(log))
    key, text = results[0]
    if key == "BADSIG":
        return Finding(
            "bad", issuer, f"the signature by {issuer} is bad: this is not what was signed"
        )
    if key == "ERRSIG":
        return _unchecked(lines, text, issuer, facts)
    if key in ("EXPKEYSIG", "EXPSIG", "REVKEYSIG"):
        return Finding(*_lapsed(key, lines, issuer))
    valid = [_VALIDSIG.match(text) for key, text in lines if key == "VALIDSIG"]
    if len(valid) != 1 or valid[0] is None or log.returncode != 0:
        return Finding("gpg-failed", issuer, _no_answer(log))
    return _valid(valid[0], signature, facts)


def _valid(match: re.Match[str], signature: pgp.Signature, facts: dict[str, KeyFacts]) -> Finding:
    """A signature that gpg calls good and valid: our own conditions."""
    signed, expires, version, algorithm, digest = (int(match.group(n)) for n in (2, 3, 4, 5, 6))
    signer, primary = match.group(1), match.group(8)
    said = (version, algorithm, digest, int(match.group(7), 16))
    if said != (signature.version, signature.algorithm, signature.digest, signature.kind):
        return Finding("gpg-failed", primary, "gpg and the agent read the signature differently")
    if signed > time.time() + CLOCK_SKEW:
        when = clock.rfc3339(signed)
        return Finding(
            "from-the-future",
            primary,
            f"signature by {primary} is dated {when}, which is yet to come",
        )
    keys = [facts.get(fingerprint) for fingerprint in (signer, primary)]
    moments = [expires]
    for key in keys:
        if key is None:
            return Finding("gpg-failed", primary, f"gpg does not list the key {signer} it used")
        if key.algorithm == 17 or (key.algorithm in (1, 3) and key.bits < MIN_RSA_BITS):
            shown = f"{key.bits}-bit {pgp.ALGORITHMS.get(key.algorithm, '')}"
            return Finding("weak-key", primary, f"key {primary} is a {shown} key, which is refused")
        moments.append(key.expires)
    until = min((moment for moment in moments if moment), default=0)
    return Finding("good", primary, "", signed, until, DIGESTS[digest])


def _unchecked(
    lines: list[tuple[str, str]], text: str, issuer: str, facts: dict[str, KeyFacts]
) -> Finding:
    """ERRSIG: gpg could not check the signature (doc/DETAILS: key ID, ..., 5th time, 6th reason)."""
    fields = text.split()
    if any(key == "NO_PUBKEY" for key, _ in lines) or fields[5:6] == ["9"]:
        return Finding("unknown-key", issuer)
    keyid = fields[0] if fields else ""
    who = issuer or safe(keyid, 20)
    signed = int(fields[4]) if fields[4:5] and fields[4].isdigit() else 0
    key = next((facts[name] for name in facts if keyid and name.endswith(keyid)), None)
    if key is not None and key.created > time.time() + CLOCK_SKEW:
        when = clock.rfc3339(key.created)
        return Finding(
            "key-not-yet-valid", issuer, f"the key {who} that signed it begins on {when}"
        )
    if key is not None and signed < key.created:
        return Finding("older-than-key", issuer, f"the signature by {who} is older than that key")
    if key is not None and key.usage and "s" not in key.usage.lower():
        return Finding(
            "not-for-signing", issuer, f"the key {who} that signed it is not for signing"
        )
    return Finding(
        "unconfirmed-subkey",
        issuer,
        f"the signature by {who} cannot be checked (subkey and key do not vouch for each other)",
    )


def _lapsed(key: str, lines: list[tuple[str, str]], issuer: str) -> tuple[str, str, str]:
    if key == "REVKEYSIG":
        return "key-revoked", issuer, f"the key {issuer} that signed it has been revoked"
    if key == "EXPSIG":
        when = "".join(f" on {clock.rfc3339(int(m.group(3)))}" for m in _valids(lines))
        return "signature-expired", issuer, f"the signature by {issuer} expired{when}"
    stamps = [text for status, text in lines if status == "KEYEXPIRED" and text.isdigit()]
    when = f" on {clock.rfc3339(int(stamps[-1]))}" if stamps else ""
    return "key-expired", issuer, f"the key {issuer} that signed it expired{when}"


def _valids(lines: list[tuple[str, str]]) -> list[re.Match[str]]:
    matches = (_VALIDSIG.match(text) for key, text in lines if key == "VALIDSIG")
    return [match for match in matches if match]


def _no_answer(log: StatusLog) -> str:
    said = safe(log.stderr.strip().splitlines()[-1] if log.stderr.strip() else "nothing", 200)
    return f"gpg gave no clear answer (status {log.returncode}, it said: {said})"
