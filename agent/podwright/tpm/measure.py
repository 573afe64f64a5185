# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure: write to the log, extend the PCR, remember; and find out whether both still agree.

Under the log's lock, and in a process that may be killed at any step: see `eventlog`.
"""

from __future__ import annotations

from podwright import __version__, jsonio
from podwright.errors import HostError, UsageError
from podwright.host import clock
from podwright.host.lock import HostLock
from podwright.model import measured
from podwright.tpm import device, eventlog
from podwright.tpm.eventlog import Known
from podwright.tpm.settings import REQUIRE
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Optional

    from podwright.tpm.device import Pcrs
    from podwright.tpm.settings import Settings

PIECE = 10_000
"""Records of a long log that are added up before what they give is written down: nobody may have the
time for all of it at once, and whoever waits sees that it goes on.
"""
LOCKED = 120.0
"""Seconds: whoever holds it is killed when the TPM does not answer (`child`)."""
REBOOT = (
    "somebody else has extended it, or the log was changed: find out who, then restart the host;"
    " podwright tpm verify tells more"
)


class Session:
    """The log and the TPM, in a `with` block, in agreement when it begins.

    reports  sentences about what was found and is recorded, mode `log` only
    Raises HostError where they do not agree and the mode is `require`.
    """

    def __init__(self, where: str, settings: Settings) -> None:
        self.where = where
        self.settings = settings
        self.reports: list[str] = []
        self._lock = HostLock(f"{where}/lock", "measuring", LOCKED)
        self._tpm: Optional[Pcrs] = None
        self._sum = measured.hasher("sha256")()
        self.known: Known

    def __enter__(self) -> Session:
        eventlog.make(self.where)
        self._lock.__enter__()
        try:
            self._tpm = device.pcrs(self.settings)
            self._agree()
            self._say_missed()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._tpm is not None:
            self._tpm.close()
        self._lock.release()

    def add(self, content: dict[str, Any]) -> None:
        """Measure an event."""
        known, settings = self.known, self.settings
        one = measured.record(known.records, settings.pcr, settings.bank, content)
        line = eventlog.append(self.where, one)
        self._extend(one)
        self._sum.update(line)
        self._mark(
            replace(
                known,
                value=measured.extended(measured_value(known, one), one.digest, one.bank),
                records=known.records + 1,
                size=known.size + len(line),
                sha256=self._sum.hexdigest(),
                mismatches=(*known.mismatches, *suspicious(one)),
            )
        )

    def _say_missed(self) -> None:
        """Measure that something was not measured, where a pod started all the same."""
        for name, uuid, app in eventlog.missed(self.where):
            event = {"event": measured.MISSED, "uuid": uuid, "app": app, "time": clock.now()}
            self.add(event)
            eventlog.found_again(self.where, name)

    def _extend(self, one: measured.Record) -> None:
        assert self._tpm is not None
        self._tpm.extend(one.pcr, one.bank, one.digest)

    def _mark(self, known: Known) -> None:
        eventlog.mark(self.where, known)
        self.known = known

    def _agree(self) -> None:
        """Find what the log adds up to, and that the PCR has that value."""
        assert self._tpm is not None
        settings = self.settings
        value = self._tpm.read(settings.pcr, settings.bank)
        boot = clock.boot_id()
        self.known = Known(boot, settings.pcr, settings.bank, measured.zero(settings.bank))
        data = self._data(boot)
        self._sum.update(data)
        if not data:
            self._begin(value)
            return
        try:
            known, last = self._added_up(data)
        except UsageError as err:
            self._refuse(f"the event log is damaged: {err.message}")
            eventlog.put_aside(self.where, "log.bad")
            self._sum = measured.hasher("sha256")()
            self._begin(value)
            return
        self.known = known
        if value == known.value:
            self._mark(known)
        elif last is not None and value == last[0]:
            self._extend(last[1])  # whoever wrote it was killed before that
            self._mark(known)
        else:
            self._differs(value)
            return
        if known.mismatches:
            self._refuse(f"the history of PCR {settings.pcr} is not podwright's alone")

    def _added_up(self, data: bytes) -> tuple[Known, Optional[tuple[str, measured.Record]]]:
        """What the log adds up to. Never is it written down of the last record, which may be in no PCR."""
        state = eventlog.state(self.where)
        while True:
            known, last = added_up(data, state, self.known, self.where, PIECE)
            if known.size == len(data):
                return known, last
            eventlog.mark(self.where, known)
            state = known

    def _data(self, boot: str) -> bytes:
        """The log of this boot, in whole lines."""
        data = eventlog.read(self.where)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            eventlog.cut(self.where, whole)
            data = data[:whole]
        if data and boot_of(data) not in (boot, ""):
            eventlog.put_aside(self.where, "log.before")
            data = b""
        return data

    def _begin(self, value: str) -> None:
        """Write the first record, which says what the PCR was before."""
        zero = measured.zero(self.settings.bank)
        if value != zero:
            self._refuse(
                f"PCR {self.settings.pcr} is not zero, and there is no event log of this boot"
            )
        content = {
            "event": measured.BASELINE,
            "format": measured.FORMAT,
            "boot_id": self.known.boot_id,
            "agent": __version__,
            "value": value,
            "time": clock.now(),
        }
        self.add(content)

    def _differs(self, value: str) -> None:
        """The PCR is not what the log gives: refuse, or record that and go on from there."""
        pcr = self.settings.pcr
        self._refuse(f"PCR {pcr} is not what podwright's event log adds up to")
        content = {
            "event": measured.MISMATCH,
            "value": value,
            "expected": self.known.value,
            "time": clock.now(),
        }
        self.add(content)

    def _refuse(self, why: str) -> None:
        if self.settings.mode == REQUIRE:
            raise HostError(why, REBOOT, reason="log-mismatch")
        self.reports.append(f"{why}: whoever verifies this host will not accept it")


def measured_value(known: Known, one: measured.Record) -> str:
    """The value that a record is extended to: what it says itself where it says so."""
    if one.content["event"] in (measured.BASELINE, measured.MISMATCH):
        return measured.found(one, known.bank)
    return known.value


def suspicious(one: measured.Record) -> tuple[int, ...]:
    """The record's number where it says that the PCR was not ours alone."""
    event = one.content["event"]
    strange = event == measured.BASELINE and measured.found(one, one.bank) != measured.zero(
        one.bank
    )
    return (one.recnum,) if strange or event == measured.MISMATCH else ()


def added_up(
    data: bytes, state: Optional[Known], start: Known, where: str, most: int = 0
) -> tuple[Known, Optional[tuple[str, measured.Record]]]:
    """What a log adds up to; and what the PCR was before its last record, and that record.

    state   what was known before, used where the log still begins so; else all of it is read
    start   a log without a record
    most    records to go on by, if that matters; one is always left for the next time, then
    Raises UsageError for what is no log, HostError for that of another PCR.
    """
    base = start
    if state is not None and _goes_on(state, start, data):
        base = state
    data = data[: _end_of(data, base.size, most)] if most else data
    new = eventlog.records(data[base.size :], where, base.records)
    if new and not base.records and (new[0].pcr, new[0].bank) != (start.pcr, start.bank):
        raise HostError(
            f"the event log of this boot is of PCR {new[0].pcr} in bank {new[0].bank},"
            f" and now PCR {start.pcr} in bank {start.bank} is set",
            "set it back, or restart the host",
            reason="log-mismatch",
        )
    total = measured.replay(new, start.pcr, start.bank, base.records, base.value)
    known = replace(
        base,
        value=total.value,
        records=base.records + len(new),
        size=len(data),
        sha256=measured.digest(data),
        mismatches=(*base.mismatches, *total.mismatches),
    )
    return known, (total.previous, new[-1]) if new else None


def _end_of(data: bytes, start: int, most: int) -> int:
    """Where so many lines end, if there are more; else the end."""
    end = start
    for _ in range(most):
        end = data.find(b"\n", end) + 1
        if not end:
            return len(data)
    return end


def _goes_on(state: Known, start: Known, data: bytes) -> bool:
    """Whether a log still begins with what was known of it."""
    same = (state.boot_id, state.pcr, state.bank) == (start.boot_id, start.pcr, start.bank)
    whole = state.size <= len(data) and measured.digest(data[: state.size]) == state.sha256
    return same and whole


def boot_of(data: bytes) -> str:
    """The boot that a log is of; "" where its first record does not say."""
    try:
        raw = jsonio.loads(data.partition(b"\n")[0], "log")
        return str(raw["content"]["boot_id"])
    except (UsageError, KeyError, TypeError):
        return ""


def last_event(data: bytes, uuid: str) -> str:
    """The last event of a pod in a log, "" when it has none."""
    found = ""
    wanted = f'"{uuid}"'.encode()
    for line in data.split(b"\n"):
        if wanted in line:
            content = jsonio.loads(line, "log")["content"]
            if content.get("uuid") == uuid:
                found = str(content["event"])
    return found
