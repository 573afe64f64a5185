# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness of a pod and of its apps: one rule for the pod, one for each app that needs one."""

from __future__ import annotations

import time

from podwright.model.life import start_bound
from podwright.stage1.contract import Ready
from podwright.stage2.app import EXEC_FAILED
from podwright.stage2.appstate import MAIN, NEVER, OVER
from podwright.stage2.ready import Readiness
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.appstate import App
    from podwright.stage2.health import Health
    from podwright.stage2.starter import Starter


def has_rule(app: App) -> bool:
    """Whether something besides its life makes an app ready."""
    return app.life.ready is not None or bool(app.life.notify)


class Gate:
    """The pod is ready when its own rule holds, and every app with a rule was ready once.

    The pod's rule is asked from when each app's program was executed. Its patience begins before,
    so that whoever waits for the pod knows for how long.
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
        self.health: Optional[Health] = None
        self.patience = start_bound([app.life for app in apps], plan.ready)
        timed = plan.ready.tcp is None and not plan.ready.exec
        self.deadline = NEVER if timed else time.monotonic() + self.patience

    def executed(self, app: App) -> None:
        """An app's main program runs."""
        if self.health is not None:
            self.health.executed(app)
        if not app.starting:
            self.ask(app)
        self._begin()

    def ask(self, app: App) -> None:
        """An app has started: its rule can be asked."""
        if self.health is not None and not self.health.leaves(app):
            return
        if not app.was_ready and (has_rule(app) or app.name in self.awaited):
            before = app.ready
            rule = app.life.ready or Ready(timeout=self.plan.ready.timeout)
            app.ready = self._rule(rule, app, lambda: app.phase == MAIN, app.life.notify)
            if before is not None:
                app.ready.started = before.started  # patience does not begin anew

    def _begin(self) -> None:
        if self.pod is None and all(app.executed or app.phase == OVER for app in self.apps):
            rule = self.plan.ready
            if all(app.life.notify for app in self.apps):
                rule = replace(rule, seconds=0.0)  # whoever says when need not be waited for
            probed = next(app for app in self.apps if rule.app in ("", app.name))
            self.pod = self._rule(rule, probed, self._alive)

    def _alive(self) -> bool:
        return all(app.phase == MAIN or app.status == 0 for app in self.apps)

    def _rule(
        self, rule: Ready, app: App, alive: Callable[[], bool], notify: Optional[bool] = False
    ) -> Readiness:
        said = (lambda: app.said_ready) if notify else None
        made = Readiness(rule, self.address, alive, lambda: self._probe(app, made), said)
        return made

    def _probe(self, app: App, readiness: Readiness) -> None:
        def told(why: str) -> None:
            readiness.last = why

        pid, why = self.starter.probe(app, readiness.rule.exec, told)
        if pid:
            self.probes[pid] = readiness
        else:
            readiness.probed(EXEC_FAILED)
            readiness.last = why

    def probed(self, pid: int, status: int) -> bool:
        """A child has ended; whether it was a probe."""
        if self.health is not None and self.health.reaped(pid, status):
            return True
        readiness = self.probes.pop(pid, None)
        if readiness is not None:
            readiness.probed(status)
        return readiness is not None

    def ended(self, app: App) -> None:
        """An app's main program has ended; one that did its work in less than a moment is ready."""
        if self.health is not None:
            self.health.ended(app)
        if app.status == 0 and app.ready is not None and app.ready.by_time():
            app.was_ready = True

    def check(self) -> bool:
        """Try what it is time for; True once, when the pod has become ready."""
        if self.health is not None:
            self.health.check()
        for app in self.apps:
            if app.ready is not None and not app.was_ready:
                app.ready.check()
                app.was_ready = app.ready.ready
        self._begin()
        if self.passed or self.pod is None:
            return False
        self.pod.check()
        self.passed = self.pod.ready and all(app.was_ready for app in self.apps if has_rule(app))
        self.passed = self.passed and self.serves()
        return self.passed

    def serves(self) -> bool:
        """Whether the readiness probes are good, of a pod that has been ready."""
        return self.health is None or self.health.serving()

    def _open(self) -> list[tuple[App, Readiness]]:
        """The apps' rules that do not hold yet."""
        return [
            (app, app.ready) for app in self.apps if app.ready is not None and not app.was_ready
        ]

    def late(self) -> str:
        """The sentence about a rule that did not hold in time, or ""."""
        now = time.monotonic()
        for app, rule in self._open():
            if now >= rule.deadline():
                return f"app {app.name}: not ready after {rule.rule.timeout:g} s: {safe(rule.last)}"
        unready = "" if self.health is None else self.health.late()
        if unready:
            return unready
        if now < self.deadline or (self.pod is not None and self.pod.ready):
            return ""
        last = "not every app has started" if self.pod is None else self.pod.last
        return f"not ready after {self.patience:g} s: {safe(last)}"

    def due(self) -> float:
        """When `check` or `late` has something to do (monotonic)."""
        times = [NEVER if self.health is None else self.health.due()]
        for _, rule in self._open():
            times += [rule.deadline(), NEVER if rule.probing else rule.next]
        if self.pod is None or not self.pod.ready:
            times.append(self.deadline)
        if self.pod is not None and not self.pod.ready and not self.pod.probing:
            times.append(self.pod.next)
        return min(times)
