# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a pod's apps: asked again and again, never waited for, counted.

Only pods that have probes load this. Only what changes is told to the pod's parent, which sleeps.
"""

from __future__ import annotations

import time

from podwright.model.life import patience
from podwright.model.probe import EXEC, HTTP, LIVENESS, READINESS, STARTUP
from podwright.stage1.namespaces import link as messages
from podwright.stage2.appstate import NEVER, OVER
from podwright.stage2.probeexec import ExecTry, Place, make_place
from podwright.stage2.probesocket import HttpTry, TcpTry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional, Union

    from podwright.host.cgroups import PodCgroup
    from podwright.model.probe import Probe
    from podwright.stage1.contract import Ready
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.appstate import App
    from podwright.stage2.lives import Lives
    from podwright.stage2.starter import Starter
    from podwright.stage2.supervise import Supervisor

    Places = dict[tuple[str, str], Place]

IMPATIENT = 1.0
"""Seconds between two tries until an app serves for the first time: somebody waits for it."""
OFTEN, SELDOM = 1.0, 60.0
"""Seconds until another reason for the same failure is told."""
SOON, LATER = 0.02, 1.0
"""Seconds until it is looked again whether the killed have gone."""


def places(plan: PodPlan, group: PodCgroup) -> Places:
    """Where the commands run that are probes; made by PID 1 before it enters the pod."""
    return {
        (app.name, role): make_place(group, app.name, role)
        for app in plan.apps
        for role, probe in app.life.probes().items()
        if probe.kind == EXEC
    }


def attach(supervisor: Supervisor, found: Places) -> None:
    """Have a supervisor's apps probed."""
    gate = supervisor.gate
    health = Health(
        supervisor.plan.ready,
        supervisor.apps,
        supervisor.starter,
        gate.address,
        supervisor.link,
        found,
    )
    health.lives, health.started = supervisor.lives, gate.ask
    gate.health = health


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
        why = self.trying.poll()
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


class Probed:
    """An app that has probes.

    serving  it has started, and its readiness probe is good
    since    when its program was first executed (monotonic)
    """

    def __init__(self, app: App, askers: dict[str, Asker]) -> None:
        self.app = app
        self.askers = askers
        self.decides = STARTUP in askers or READINESS in askers
        self.serving = False
        self.since = NEVER

    def begin(self, roles: tuple[str, ...], now: float) -> None:
        """Ask these, of those that it has."""
        for role in roles:
            if role in self.askers:
                self.askers[role].begin(now)

    def stop(self) -> None:
        """Ask nothing any more."""
        for asker in self.askers.values():
            asker.stop()

    def last(self) -> str:
        """What was seen last of why it is not ready."""
        for role in (STARTUP, READINESS):
            asker = self.askers.get(role)
            if asker is not None and asker.count.good is not True and asker.last:
                return f"{role}: {asker.last}"
        return "nothing has answered yet"


class Health:
    """All of them. `lives` is told of apps that are to end, `started` of those whose startup probe
    is good."""

    def __init__(
        self,
        ready: Ready,
        everyone: list[App],
        starter: Starter,
        address: str,
        link: Inside,
        found: Places,
    ) -> None:
        self.ready = ready
        self.link = link
        self.lives: Optional[Lives] = None
        self.started: Optional[Callable[[App], None]] = None
        own = address or "127.0.0.1"
        self.apps = {
            app.name: Probed(
                app,
                {
                    role: Asker(role, app, starter, own, found.get((app.name, role)))
                    for role in app.life.probes()
                },
            )
            for app in everyone
            if app.life.probes()
        }

    def executed(self, app: App) -> None:
        """Its main program runs: all begins anew."""
        one = self.apps.get(app.name)
        if one is None:
            return
        now = time.monotonic()
        one.since = min(one.since, now)
        app.starting = STARTUP in one.askers
        one.begin((STARTUP,) if app.starting else (READINESS, LIVENESS), now)

    def ended(self, app: App) -> None:
        """Its main program has ended, or its life could not begin."""
        one = self.apps.get(app.name)
        if one is not None:
            one.stop()
            if one.serving:
                self._serves(one, False)

    def leaves(self, app: App) -> bool:
        """Whether it is for another rule to say when an app was ready."""
        one = self.apps.get(app.name)
        return one is None or not one.decides or has_rule(app)

    def stop(self) -> None:
        """The pod is being stopped: nothing is asked any more."""
        for one in self.apps.values():
            one.stop()

    def reaped(self, pid: int, status: int) -> bool:
        """A child has ended; whether it was a probe."""
        return any(
            asker.ended(pid, status) for one in self.apps.values() for asker in one.askers.values()
        )

    def check(self) -> None:
        """Do what it is time for."""
        now = time.monotonic()
        for one in self.apps.values():
            for asker in one.askers.values():
                if asker.tick(now):
                    self._changed(one, asker, now)
                elif asker.news(now):
                    self._tell(one, asker.role)

    def _changed(self, one: Probed, asker: Asker, now: float) -> None:
        good = bool(asker.count.good)
        if asker.role == READINESS:
            self._serves(one, good)
        elif not good:
            one.stop()
            self._tell(one, asker.role)
            assert self.lives is not None
            self.lives.unhealthy(one.app, f"{asker.role}: {asker.last}")
        elif asker.role == STARTUP:
            asker.stop()
            one.app.starting = False
            one.begin((READINESS, LIVENESS), now)
            if READINESS not in one.askers:
                self._serves(one, True)
            if self.started is not None:
                self.started(one.app)

    def _serves(self, one: Probed, serving: bool) -> None:
        one.serving = serving
        one.app.was_ready = one.app.was_ready or (serving and not has_rule(one.app))
        self._tell(one, READINESS if one.askers.get(READINESS) is not None else "")

    def _tell(self, one: Probed, role: str) -> None:
        """Tell the parent how an app is, and what is known of its last failure."""
        asker = one.askers.get(role)
        last = ""
        if asker is not None and asker.count.good is False:
            last = asker.told = asker.last
        serving = "" if not one.decides else str(int(one.serving))
        fields = (serving, role if last else "", last, str(time.time()))
        self.link.report(messages.HEALTH, one.app.name, *fields)

    def serving(self) -> bool:
        """Whether all apps serve that have a say; who has done its work has no more."""
        return all(
            one.app.status == 0 if one.app.phase == OVER else one.serving
            for one in self.apps.values()
            if one.decides
        )

    def late(self) -> str:
        """The sentence about an app that was not ready in time, or ""."""
        now = time.monotonic()
        for one in self._open():
            if now >= one.since + patience(one.app.life, self.ready):
                bound = patience(one.app.life, self.ready)
                return f"app {one.app.name}: not ready after {bound:g} s: {one.last()}"
        return ""

    def _open(self) -> list[Probed]:
        """Those that have begun, and have never been ready."""
        return [
            one
            for one in self.apps.values()
            if one.decides and one.since < NEVER and not one.app.was_ready
        ]

    def due(self) -> float:
        """When `check` or `late` has something to do (monotonic)."""
        times = [one.since + patience(one.app.life, self.ready) for one in self._open()]
        askers = (asker for one in self.apps.values() for asker in one.askers.values())
        return min((*times, *(asker.due() for asker in askers)), default=NEVER)


def has_rule(app: App) -> bool:
    """Whether another rule than its probes says when it was ready."""
    rule = app.life.ready
    return bool(app.life.notify or (rule is not None and (rule.tcp or rule.exec)))
