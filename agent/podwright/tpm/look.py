# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the event log adds up to the PCR, told without recording anything about it."""

from __future__ import annotations

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
    from typing import Any

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


def verify(where: str, settings: Settings) -> Verified:
    """Replay the log of this boot and compare; the caller holds the lock. Raises HostError without a TPM.

    A record that was written and not extended, since whoever did it was killed, is extended now.
    """
    tpm = device.pcrs(settings)
    try:
        return _compared(tpm, where, settings)
    finally:
        tpm.close()


def _compared(tpm: Pcrs, where: str, settings: Settings) -> Verified:
    pcr, bank = settings.pcr, settings.bank
    now = tpm.read(pcr, bank)
    start = Known(clock.boot_id(), pcr, bank, measured.zero(bank))
    try:
        data = eventlog.read(where)
        data = data[: data.rfind(b"\n") + 1]
        if data and measure.boot_of(data) not in (start.boot_id, ""):
            data = b""
        known, last = measure.added_up(data, None, start, where)
    except (UsageError, HostError) as err:
        problem = f"the event log is no proof: {err.message}"
        return Verified(pcr, bank, start.boot_id, now, "", 0, (problem,))
    if last is not None and now == last[0] != known.value:
        tpm.extend(pcr, bank, last[1].digest)
        now = tpm.read(pcr, bank)
    problems = []
    if now != known.value:
        problems.append(f"PCR {pcr} is not what podwright's event log adds up to")
    for number in known.mismatches:
        problems.append(f"before record {number} the PCR was extended by somebody else")
    return Verified(pcr, bank, start.boot_id, now, known.value, known.records, tuple(problems))


def log(where: str) -> list[dict[str, Any]]:
    """The records of this boot as CEL-JSON. Raises UsageError for a damaged log."""
    data = eventlog.read(where)
    if data and measure.boot_of(data) not in (clock.boot_id(), ""):
        return []
    return [measured.to_json(one) for one in eventlog.records(data, where)]
