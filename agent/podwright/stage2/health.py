# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a pod's apps: asked again and again, never waited for, counted.

Only pods that have probes load this. Only what changes is told to the pod's parent, which sleeps.
"""

from __future__ import annotations

import time

from podwright.model.life import patience
from podwright.model.probe import EXEC, LIVENESS, READINESS, STARTUP
from podwright.stage1.namespaces import link as messages
from podwright.stage2.appstate import NEVER, OVER
from podwright.stage2.asker import Asker
from podwright.stage2.probeexec import make_place
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.contract import Ready
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.appstate import App
    from podwright.stage2.lives import Lives
    from podwright.stage2.probeexec import Place
    from podwright.stage2.starter import Starter
    from podwright.stage2.supervise import Supervisor

    Places = dict[tuple[str, str], Place]


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


class Probed:
    """An app that has probes.

    serving  it has started, and its readiness probe is good
    started  when its startup probe was good for the first time (monotonic)
    since    that, or when its program was first executed
    """

    def __init__(self, app: App, askers: dict[str, Asker]) -> None:
        self.app = app
        self.askers = askers
        self.decides = STARTUP in askers or READINESS in askers
        self.serving = False
        self.since = self.started = NEVER

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
            app.starting = app.starting and app.status != 0
            if one.serving:
                self._serves(one, False)

    def leaves(self, app: App) -> bool:
        """Whether it is for another rule to say when an app was ready."""
        one = self.apps.get(app.name)
        return one is None or not one.decides or other_rule(app)

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
            if one.started == NEVER:
                one.started = one.since = now
            one.begin((READINESS, LIVENESS), now)
            if READINESS not in one.askers:
                self._serves(one, True)
            if self.started is not None:
                self.started(one.app)

    def _serves(self, one: Probed, serving: bool) -> None:
        one.serving = serving
        one.app.was_ready = one.app.was_ready or (serving and not other_rule(one.app))
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
            if now >= one.since + self._bound(one):
                bound = self._bound(one)
                return f"app {one.app.name}: not ready after {bound:g} s: {one.last()}"
        return ""

    def _bound(self, one: Probed) -> float:
        """Seconds that it has: until it must be ready, from when it has started or first tried to."""
        life = one.app.life
        return patience(life if one.started == NEVER else replace(life, startup=None), self.ready)

    def _open(self) -> list[Probed]:
        """Those that have begun, and have never been ready, nor done their work."""
        return [
            one
            for one in self.apps.values()
            if one.decides
            and one.since < NEVER
            and not one.app.was_ready
            and not (one.app.phase == OVER and one.app.status == 0)
        ]

    def due(self) -> float:
        """When `check` or `late` has something to do (monotonic)."""
        times = [one.since + self._bound(one) for one in self._open()]
        askers = (asker for one in self.apps.values() for asker in one.askers.values())
        return min((*times, *(asker.due() for asker in askers)), default=NEVER)


def other_rule(app: App) -> bool:
    """Whether another rule than its probes says when it was ready."""
    rule = app.life.ready
    return bool(app.life.notify or (rule is not None and (rule.tcp or rule.exec)))
