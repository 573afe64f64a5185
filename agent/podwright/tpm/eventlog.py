# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log of this boot, and what was known of it last.

    <run>/tpm/log          one CEL-JSON record a line, only appended to
              state        what the log added up to when the last record had reached the PCR: a cache
              open/<uuid>  pods measured as started and not as ended yet
              missed/...   what ran without being measured, until the log has it
              lock         held by whoever measures
              asking       held by whoever makes keys and quotes
              error        what failed last
              agent        the digest of the agent's code, and by what it is known to be that still

A record is written first and extended then, so that nothing in the PCR is ever missing here; `state`
follows. Whoever finds the PCR one record behind the log extends it by that.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import PodwrightError, UsageError
from podwright.host import ownplace
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model import measured
from podwright.values import value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

MODE = 0o600
MOST = 256 << 20
"""Bytes of a log: some 200 000 starts in one boot."""


@value
class Known:
    """What a log adds up to.

    records, size, sha256   how many, their bytes, and the digest of these
    value        of the PCR after them, hex
    mismatches   numbers of records from which on the PCR's history is not ours alone
    """

    boot_id: str
    pcr: int
    bank: str
    value: str
    records: int = 0
    size: int = 0
    sha256: str = measured.digest(b"")
    mismatches: tuple[int, ...] = ()


def place(layout: Layout) -> str:
    """The directory."""
    return f"{layout.run}/tpm"


def make(where: str) -> None:
    """Make the directory, for root only.

    Raises HostError where somebody else could change what lies in it: that would be no log.
    """
    ownplace.ensure(where)
    fs.ensure_dir(f"{where}/open", 0o700)


def read(where: str, size: int = MOST + 1) -> bytes:
    """The log, or as much of its beginning; nothing where there is none."""
    try:
        with open(f"{where}/log", "rb") as file:
            data = file.read(size)
    except FileNotFoundError:
        return b""
    if len(data) > MOST:
        raise UsageError(
            f"{where}/log has more than {MOST >> 20} MiB", "restart the host", reason="bad-log"
        )
    return data


def records(data: bytes, where: str, first: int = 0) -> list[measured.Record]:
    """The records in whole lines of a log, the first of which has number `first`. Raises UsageError."""
    out = []
    for number, line in enumerate(data.split(b"\n")[:-1], first):
        what = f"{where}/log: record {number}"
        out.append(measured.from_json(_parsed(line, what), what))
    return out


def _parsed(line: bytes, what: str) -> Any:
    try:
        return jsonio.loads(line, what)
    except UsageError as err:
        raise UsageError(err.message, reason="bad-log") from None


def append(where: str, one: measured.Record) -> bytes:
    """Write a record, durably; its line."""
    line = jsonio.dumps(measured.to_json(one)).encode() + b"\n"
    step("open")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(f"{where}/log", flags, MODE)
    try:
        before = os.fstat(fd).st_size
        try:
            fs.write_all(fd, line)
            fs.fsync(fd)
        except OSError:
            step("truncate")
            os.ftruncate(fd, before)  # half a record, or one that is not durable, is none
            raise
    finally:
        os.close(fd)
    return line


def cut(where: str, size: int) -> None:
    """Take away what a kill has left of a record that was being written, and so is in no PCR."""
    step("truncate")
    os.truncate(f"{where}/log", size)


def put_aside(where: str, name: str) -> None:
    """Begin without a log; what was there is kept by another name."""
    for file in ("state", *(f"open/{uuid}" for uuid in opened(where))):
        fs.unlink(f"{where}/{file}")
    if os.path.lexists(f"{where}/log"):
        fs.rename(f"{where}/log", f"{where}/{name}", durable=False)


def state(where: str) -> Optional[Known]:
    """What was known last; None when that is nothing, or damaged."""
    raw = _object(f"{where}/state")
    try:
        known = Known(**{**raw, "mismatches": tuple(raw["mismatches"])})
        bytes.fromhex(known.value)
    except (KeyError, TypeError, ValueError):
        return None
    whole = type(known.records) is int and type(known.size) is int and known.records > 0
    return known if whole and known.size > 0 else None


def mark(where: str, known: Known) -> None:
    """Write down what the log adds up to, now that the PCR does, too."""
    fs.write_atomic(f"{where}/state", jsonio.dumps(to_json(known)).encode(), MODE, durable=False)


def opened(where: str) -> list[str]:
    """UUIDs of pods that were measured as started and not as ended."""
    try:
        return sorted(os.listdir(f"{where}/open"))
    except FileNotFoundError:
        return []


def open_pod(where: str, uuid: str, pods: str) -> None:
    """From now on a pod is to be measured as ended some day; `pods` is where pods lie."""
    data = jsonio.dumps({"pods": pods}).encode()
    fs.write_atomic(f"{where}/open/{uuid}", data, MODE, durable=False)


def pods_of(where: str, uuid: str) -> str:
    """Where such a pod lies."""
    return str(_object(f"{where}/open/{uuid}").get("pods", ""))


def close_pod(where: str, uuid: str) -> None:
    """It was measured as ended."""
    fs.unlink(f"{where}/open/{uuid}")


def last_error(where: str) -> dict[str, Any]:
    """What failed last: `time` and `error`; {} when nothing did since the last success."""
    return _object(f"{where}/error")


def set_error(where: str, text: str, reason: str = "") -> None:
    """Remember what failed, or that nothing does any more."""
    if not text:
        fs.unlink(f"{where}/error")
        return
    from podwright.host import clock

    data = jsonio.dumps({"time": clock.now(), "error": text, "reason": reason}).encode()
    fs.write_atomic(f"{where}/error", data, MODE, durable=False)


def miss(where: str, uuid: str, app: str) -> None:
    """Remember that a pod runs, or an app (of that name) in it, which was not measured."""
    fs.ensure_dir(f"{where}/missed", 0o700)
    data = jsonio.dumps({"uuid": uuid, "app": app}).encode()
    fs.write_atomic(f"{where}/missed/{uuid}.{app}", data, MODE, durable=False)


def missed(where: str) -> list[tuple[str, str, str]]:
    """What was missed and is not in the log yet: the file's name, the pod's UUID, the app or ""."""
    try:
        names = sorted(os.listdir(f"{where}/missed"))
    except FileNotFoundError:
        return []
    each = ((name, _object(f"{where}/missed/{name}")) for name in names)
    return [(name, str(raw.get("uuid", "")), str(raw.get("app", ""))) for name, raw in each]


def found_again(where: str, name: str) -> None:
    """The log says now that it was missed."""
    fs.unlink(f"{where}/missed/{name}")


def _object(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(65536), path)
    except (OSError, PodwrightError):
        return {}
    return raw if isinstance(raw, dict) else {}
