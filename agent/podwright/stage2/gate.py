# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness of a pod and of its apps: one rule for the pod, one for each app that needs one."""

from __future__ import annotations

import time

from podwright.stage1.contract import Ready
from podwright.stage2.app import EXEC_FAILED
from podwright.stage2.appstate import MAIN, NEVER, OVER
from podwright.stage2.ready import Readiness
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.appstate import App
    from podwright.stage2.starter import Starter


class Gate:
    """The pod is ready when its own rule holds, and every app with a rule was ready once.

    The pod's rule begins to count when each app's program was executed.
    """

    def __init__(self, plan: PodPlan, apps: list[App], starter: Starter, address: str) -> None:
        self.plan = plan
        self.apps = apps
        self.starter = starter
        self.address = address
        self.awaited = {
            need.app for app in apps for need in app.life.depends_on if need.condition == "ready"
        }
        self.pod: Optional[Readiness] = None
        self.probes: dict[int, Readiness] = {}
        self.passed = False

    def executed(self, app: App) -> None:
        """An app's main program runs."""
        if not app.was_ready and (app.life.ready is not None or app.name in self.awaited):
            before = app.ready
            app.ready = self._rule(app.life.ready or Ready(), app, lambda: app.phase == MAIN)
            if before is not None:
                app.ready.started = before.started  # patience does not begin anew
        self._begin()

    def _begin(self) -> None:
        if self.pod is None and all(app.executed or app.phase == OVER for app in self.apps):
            rule = self.plan.ready
            probed = next(app for app in self.apps if rule.app in ("", app.name))
            self.pod = self._rule(rule, probed, self._alive)

    def _alive(self) -> bool:
        return all(app.phase == MAIN or app.status == 0 for app in self.apps)

    def _rule(self, rule: Ready, app: App, alive: Callable[[], bool]) -> Readiness:
        made = Readiness(rule, self.address, alive, lambda: self._probe(app, made))
        return made

    def _probe(self, app: App, readiness: Readiness) -> None:
        pid, why = self.starter.probe(app, readiness.rule.exec)
        if why:
            readiness.last = why
        if pid:
            self.probes[pid] = readiness
        else:
            readiness.probed(EXEC_FAILED)
            readiness.last = why

    def probed(self, pid: int, status: int) -> bool:
        """A child has ended; whether it was a probe."""
        readiness = self.probes.pop(pid, None)
        if readiness is not None:
            readiness.probed(status)
        return readiness is not None

    def ended(self, app: App) -> None:
        """An app's main program has ended; one that did its work in less than a moment is ready."""
        if app.status == 0 and app.ready is not None and app.ready.by_time():
            app.was_ready = True

    def check(self) -> bool:
        """Try what it is time for; True once, when the pod has become ready."""
        for app in self.apps:
            if app.ready is not None and not app.was_ready:
                app.ready.check()
                app.was_ready = app.ready.ready
        self._begin()
        if self.passed or self.pod is None:
            return False
        self.pod.check()
        self.passed = self.pod.ready and all(
            app.was_ready for app in self.apps if app.life.ready is not None
        )
        return self.passed

    def _open(self) -> list[tuple[str, Readiness]]:
        """The rules that do not hold yet, each with the name of its app."""
        found = [
            (app.name, app.ready)
            for app in self.apps
            if app.ready is not None and not app.was_ready
        ]
        if self.pod is not None and not self.pod.ready:
            found.append(("", self.pod))
        return found

    def late(self) -> str:
        """The sentence about a rule that did not hold in time, or ""."""
        now = time.monotonic()
        for app, readiness in self._open():
            if now >= readiness.deadline():
                who = f"app {app}: " if app else ""
                return f"{who}not ready after {readiness.rule.timeout:g} s: {safe(readiness.last)}"
        return ""

    def due(self) -> float:
        """When `check` or `late` has something to do (monotonic)."""
        return min(
            (min(one.deadline(), NEVER if one.probing else one.next) for _, one in self._open()),
            default=NEVER,
        )
