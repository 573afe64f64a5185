# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the event log adds up to the PCR, told without recording anything about it.

A look takes the log's lock, and no longer than the TPM needs; what was seen is added up after that.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import HostError, UsageError
from podwright.host import clock
from podwright.host.lock import HostLock
from podwright.model import measured
from podwright.tpm import device, eventlog, measure
from podwright.tpm.eventlog import Known
from podwright.tpm.settings import OFF
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.tpm.device import Pcrs
    from podwright.tpm.settings import Settings


@value
class Verified:
    """What a look at the log and the PCR has found.

    value      of the PCR, hex
    replayed   what the log adds up to, hex, "" for one that cannot be read
    problems   sentences; () when both are the same, and the history is ours alone
    """

    pcr: int
    bank: str
    boot_id: str
    value: str
    replayed: str
    records: int
    problems: tuple[str, ...]


@value
class Looked:
    """The PCR and the log at one moment.

    value  of the PCR, hex
    size   bytes of the log, in whole records; 0 for that of another boot
    """

    value: str
    size: int


def lock(where: str) -> HostLock:
    """What is held while one looks, so that nobody measures meanwhile."""
    eventlog.make(where)
    return HostLock(f"{where}/lock", "looking at measurements", measure.LOCKED)


def refuse_off(settings: Settings) -> None:
    """Raise HostError where nothing is measured."""
    if settings.mode == OFF:
        raise HostError(
            "nothing is measured on this host",
            'say {"rktKind": "tpm", "rktVersion": "v1", "mode": "log"} in /etc/podwright/tpm.d/tpm.json',
            reason="tpm-off",
        )


def look(where: str, settings: Settings) -> Looked:
    """The PCR and how long the log is; the caller holds the lock. Raises HostError without a TPM.

    A record that was written and not extended, since whoever did it was killed, is extended now.
    """
    tpm = device.pcrs(settings)
    try:
        return _completed(tpm, where, settings)
    finally:
        tpm.close()


def _completed(tpm: Pcrs, where: str, settings: Settings) -> Looked:
    pcr, bank = settings.pcr, settings.bank
    now = tpm.read(pcr, bank)
    try:
        data = _whole(where, eventlog.MOST + 1)
        known, last = measure.added_up(data, eventlog.state(where), _start(settings), where)
    except (UsageError, HostError):
        return Looked(now, _size(where))
    if last is not None and now == last[0] != known.value:
        tpm.extend(pcr, bank, last[1].digest)
        now = tpm.read(pcr, bank)
    return Looked(now, len(data))


def verify(
    where: str, settings: Settings, looked: Looked, state: Optional[Known] = None
) -> Verified:
    """Whether what was seen fits together. It takes its time with a long log, and nobody waits for it.

    state  what was known of the log then, if not all of it is to be added up again
    """
    pcr, bank = settings.pcr, settings.bank
    start, now = _start(settings), looked.value
    try:
        known, _ = measure.added_up(_whole(where, looked.size), state, start, where)
    except (UsageError, HostError) as err:
        problem = err.message
        if isinstance(err, UsageError):  # in the words of who measures: it is the same problem
            problem = f"the event log is damaged: {problem}"
        return Verified(pcr, bank, start.boot_id, now, "", 0, (problem,))
    problems = []
    if now != known.value:
        problems.append(f"PCR {pcr} is not what podwright's event log adds up to")
    for number in known.mismatches:
        problems.append(f"before record {number} the PCR was extended by somebody else")
    return Verified(pcr, bank, start.boot_id, now, known.value, known.records, tuple(problems))


def _start(settings: Settings) -> Known:
    """A log without a record."""
    return Known(clock.boot_id(), settings.pcr, settings.bank, measured.zero(settings.bank))


def _whole(where: str, size: int) -> bytes:
    """The log of this boot, in whole lines."""
    data = eventlog.read(where, size)
    data = data[: data.rfind(b"\n") + 1]
    return data if measure.boot_of(data) in (clock.boot_id(), "") else b""


def _size(where: str) -> int:
    """How much there is of a log that is none."""
    try:
        return len(_whole(where, eventlog.MOST))
    except (UsageError, OSError):
        return 0


def count(where: str) -> int:
    """How many records this boot's log has, whatever they are."""
    try:
        return _whole(where, eventlog.MOST).count(b"\n")
    except (UsageError, OSError):
        return 0


def log(where: str) -> list[dict[str, Any]]:
    """The records of this boot as CEL-JSON. Raises UsageError for a damaged log."""
    data = _whole(where, eventlog.MOST + 1)
    return [measured.to_json(one) for one in eventlog.records(data, where)]


def unchecked(where: str, size: int) -> list[Any]:
    """The same, as far as it was so long at a look; whoever gets it checks it. Raises UsageError."""
    lines = _whole(where, size).split(b"\n")[:-1]
    return [jsonio.loads(line, f"{where}/log: record {at}") for at, line in enumerate(lines)]
