# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One probe of one app, asked again and again, until its answers count."""

from __future__ import annotations

import time

from podwright.model.probe import HTTP, READINESS
from podwright.stage2.appstate import NEVER
from podwright.stage2.probeexec import ExecTry
from podwright.stage2.probesocket import HttpTry, TcpTry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    from podwright.model.probe import Probe
    from podwright.stage2.appstate import App
    from podwright.stage2.probeexec import Place
    from podwright.stage2.starter import Starter

IMPATIENT = 1.0
"""Seconds between two tries until an app serves for the first time: somebody waits for it."""
OFTEN, SELDOM = 1.0, 60.0
"""Seconds until another reason for the same failure is told."""
SOON, LATER = 0.02, 1.0
"""Seconds until it is looked again whether the killed have gone."""


class Count:
    """Tries in a row, until they count. `good`: None before anything does."""

    def __init__(self, probe: Probe) -> None:
        self.needed = {True: probe.success_threshold, False: probe.failure_threshold}
        self.good: Optional[bool] = None
        self.last: Optional[bool] = None
        self.row = 0

    def took(self, good: bool) -> bool:
        """A try has ended; whether that has changed what counts."""
        self.row = self.row + 1 if good is self.last else 1
        self.last = good
        if self.row < self.needed[good] or self.good is good:
            return False
        self.good = good
        return True


class Failed:
    """A try that could not even begin."""

    def __init__(self, why: str) -> None:
        self.why = why

    def poll(self) -> str:
        """Why not."""
        return self.why

    def late(self, _seconds: float) -> str:
        """The same."""
        return self.why

    def close(self) -> None:
        """There is nothing to end."""


class Asker:
    """One probe of one app, through all lives of the app.

    on      it is asked in this life
    last    why the last try that was not good was not, "" before; `told` what is known of that
    """

    def __init__(
        self, role: str, app: App, starter: Starter, address: str, place: Optional[Place]
    ) -> None:
        self.role = role
        self.probe = app.life.probes()[role]
        self.app = app
        self.starter = starter
        self.address = address
        self.place = place
        self.on = False
        self.count = Count(self.probe)
        self.last = self.told = ""
        self.tell_pause, self.tell_at = OFTEN, 0.0
        self.next = self.give_up = NEVER
        self.trying: Optional[Union[TcpTry, ExecTry, Failed]] = None
        self.dying: list[ExecTry] = []
        self.dirty = False
        self.look = SOON

    def begin(self, now: float) -> None:
        """The app runs, or has started."""
        self.on = True
        self.count = Count(self.probe)
        self.next = now + self.probe.initial_delay
        self.tell_pause, self.tell_at = OFTEN, now

    def stop(self) -> None:
        """It is not asked any more; a try that is under way ends."""
        self.on = False
        self.next = NEVER
        self._close()

    def _close(self) -> None:
        trying, self.trying, self.give_up = self.trying, None, NEVER
        if trying is None:
            return
        trying.close()
        if isinstance(trying, ExecTry):
            self.dying += [trying] if trying.pid else []
            assert self.place is not None
            self.dirty = not self.place.clear() or bool(self.dying)
            self.look = SOON

    def ended(self, pid: int, status: int) -> bool:
        """A child has ended; whether it was a try of ours."""
        known = [*self.dying, self.trying]
        for one in known:
            if isinstance(one, ExecTry) and one.pid == pid:
                one.ended(status)
                self.dying = [other for other in self.dying if other is not one]
                return True
        return False

    def tick(self, now: float) -> bool:
        """Do what it is time for; whether what counts has changed."""
        if self.dirty:
            assert self.place is not None
            self.dirty = not self.place.clear() or bool(self.dying)
            self.look = min(2 * self.look, LATER)
        if self.trying is None:
            if not self.on or now < self.next:
                return False
            if self.dirty:
                return self._took(now, "what the try before has left cannot be ended")
            self.trying = self._start(now)
        try:
            why = self.trying.poll()
        except OSError as err:
            why = f"it cannot be asked: {err.strerror or err}"
        if why is None and now >= self.give_up:
            why = self.trying.late(self.probe.timeout)
        if why is None:
            return False
        self._close()
        return self._took(now, why)

    def news(self, now: float) -> bool:
        """Whether it still fails, for another reason than was told; that is told ever less often."""
        if self.count.good is not False or self.last == self.told or now < self.tell_at:
            return False
        self.tell_pause = min(2 * self.tell_pause, SELDOM)
        self.tell_at = now + self.tell_pause
        return True

    def _start(self, now: float) -> Union[TcpTry, ExecTry, Failed]:
        """Begin a try."""
        self.give_up = now + self.probe.timeout
        try:
            if self.place is not None:
                return ExecTry(self.probe, self.app, self.starter, self.place)
            kind = HttpTry if self.probe.kind == HTTP else TcpTry
            return kind(self.probe, self.address)
        except OSError as err:
            return Failed(f"it cannot be asked: {err.strerror or err}")

    def _took(self, now: float, why: str) -> bool:
        if why:
            self.last = f"{self.probe.shown()}: {why}"
        changed = self.count.took(not why)
        early = self.role == READINESS and self.count.good is None
        self.next = now + (min(IMPATIENT, self.probe.interval) if early else self.probe.interval)
        return changed

    def due(self) -> float:
        """When `tick` has something to do (monotonic)."""
        when = time.monotonic() + self.look if self.dirty else NEVER
        return min(when, self.next if self.trying is None else self.give_up)
