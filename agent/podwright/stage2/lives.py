# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One life of an app after the other: pre-start, main, the end of what is left, post-stop, a pause."""

from __future__ import annotations

import os
import time

from podwright.kernel import fs, signals
from podwright.model.life import HOOK_TIMEOUT
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces.identity import ROOT
from podwright.stage2 import app as apps
from podwright.stage2 import order
from podwright.stage2.appstate import (
    CLEARING,
    FAILED,
    KILLED,
    MAIN,
    NEVER,
    NEVER_STARTED,
    OOM_KILLED,
    OVER,
    PAUSE,
    POST_STOP,
    PRE_START,
    App,
)
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.gate import Gate
    from podwright.stage2.starter import Starter

    class Pod(Protocol):
        """Who is told what becomes of the apps. `stopping`: none begins another life."""

        stopping: bool

        def failed_or_done(self, app: App, status: int) -> None:
            """An app has ended for good with `status`; its post-stop hook may still run."""

        def is_over(self, app: App) -> None:
            """Nothing of an app runs, or will run, any more."""


CLEARING_POLL = 0.02
CLEARING_LIMIT = 10.0


def _runs_hooks(app: App) -> Identity:
    """The pod's root; where that is the host's without any confinement (fly), the app's own user."""
    return app.target.identity if "user" in app.plan.kept else ROOT


class Lives:
    """Leads each app from phase to phase."""

    def __init__(
        self,
        plan: PodPlan,
        everyone: list[App],
        link: Inside,
        starter: Starter,
        gate: Gate,
        pod: Pod,
    ) -> None:
        self.plan = plan
        self.apps = everyone
        self.link = link
        self.starter = starter
        self.gate = gate
        self.pod = pod

    def note(self, app: App, text: str) -> None:
        """Tell people something about an app."""
        self.link.report(messages.NOTE, f"app {app.name}: {text}")

    # Beginning

    def begin(self, app: App) -> None:
        """Begin a life."""
        app.began, app.status, app.reason, app.ended_for = 0.0, None, "", ""
        app.overdue = app.again = app.said_ready = app.unhealthy = False
        app.hook = bool(app.plan.post_stop)
        if app.plan.pre_start:
            self._start(app, PRE_START, app.plan.pre_start, _runs_hooks(app))
        else:
            self._start(app, MAIN, app.plan.exec, app.target.identity)

    def never(self, app: App) -> None:
        """Its first life will not begin."""
        app.enter(OVER)
        app.reason = NEVER_STARTED
        self._report_end(app)

    def _start(self, app: App, phase: int, argv: tuple[str, ...], identity: Identity) -> None:
        app.enter(phase, NEVER if phase == MAIN else time.monotonic() + self.hook_time(app))
        if not self.starter.start(app, argv, identity):
            self.ended(app, apps.EXEC_FAILED, False)

    def hook_time(self, app: App) -> float:
        """Seconds for a hook; when the pod is stopping, the app's grace, if nothing is said."""
        if app.life.hook_timeout is not None:
            return app.life.hook_timeout
        return app.plan.stop_timeout if self.pod.stopping else HOOK_TIMEOUT

    def settle(self) -> bool:
        """Learn of the children that were forked whether they executed their program; one did."""
        good = self.starter.settle()
        for app in good:
            if app.phase == MAIN:
                app.began, app.started = time.monotonic(), time.time()
                if app.restarts or app.life.depends_on or self.plan.mutable:
                    fields = (app.name, str(app.started), str(app.restarts))
                    self.link.report(messages.BEGUN, *fields)
                app.executed = True
                self.gate.executed(app)
        return bool(good)

    # Ending

    def unhealthy(self, app: App, why: str) -> None:
        """A probe says that it is to end; it is started again by its policy."""
        if app.phase != MAIN or not app.pid or app.asked or app.unhealthy:
            return
        app.unhealthy, app.ended_for = True, f"unhealthy: {why}"
        app.due = time.monotonic() + app.plan.stop_timeout
        self.note(app, f"unhealthy: {why}")
        os.kill(app.pid, app.plan.stop_signal)
        os.kill(app.pid, signals.SIGCONT)

    def ended(self, app: App, status: int, killed: bool) -> None:
        """The process of an app's phase has ended with `status`: go on to what comes next."""
        if app.phase == PRE_START and status == 0 and not (self.pod.stopping or app.held):
            self._start(app, MAIN, app.plan.exec, app.target.identity)
        elif app.phase == POST_STOP:
            if status != 0:
                how = "took too long" if app.overdue else f"ended with {status}"
                self.note(app, f"its post-stop hook {how}")
            self._clear(app)
        else:
            self._life_over(app, status, killed)

    def _life_over(self, app: App, status: int, killed: bool) -> None:
        """The main program, or a pre-start hook, has ended and nothing comes after it."""
        if app.phase == PRE_START and app.overdue:
            self.note(app, "its pre-start hook took too long")
        if app.unhealthy and not app.asked:
            status = status or apps.SETUP_FAILED  # it ended well, but not by itself
        app.status, app.reason = status, app.why(status, killed)
        if killed or app.memory is not None:
            self._explain(app, status, killed)
        app.finished = time.time()
        stays = self.pod.stopping or app.held
        app.again = not stays and order.starts_again(app.life.restart, status)
        self.gate.ended(app)
        if app.again:
            self._report_end(app)
        else:
            self._record(app)
        self._clear(app)
        if not app.again:
            self.pod.failed_or_done(app, status)

    def _explain(self, app: App, status: int, killed: bool) -> None:
        """Say what else is known of an end with `status`."""
        if app.memory is not None and app.memory.killed():
            fatal = status == 128 + signals.SIGKILL
            who = "" if fatal and killed else "one of its processes was "
            self.note(app, f"{who}killed: over {app.memory.limit}")
            # A shell whose program was killed ends with the same status.
            if fatal and app.reason in (KILLED, FAILED):
                app.reason = OOM_KILLED
        if killed and status == 128 + signals.SIGSYS:
            self.note(app, "killed: it made a system call that is refused (seccomp)")

    def _record(self, app: App) -> None:
        """The app has ended for good."""
        path = f"/rkt/status/{app.name}"
        try:
            fs.write_atomic(path, f"{app.status}\n".encode(), 0o644, durable=False)
        except OSError as err:  # a full disk is no reason to end the other apps
            self.note(app, f"its status cannot be written: {safe(err)}")
        self._report_end(app)

    def _report_end(self, app: App) -> None:
        status = "" if app.status is None else str(app.status)
        times = (str(app.started), str(app.finished))
        last = str(int(not app.again))
        self.link.report(
            messages.ENDED, app.name, status, app.reason, *times, str(app.restarts), last
        )

    # Between two lives

    def _clear(self, app: App) -> None:
        """End what the app left behind, if anything runs on after it."""
        others = self.plan.mutable or any(one.phase != OVER for one in self.apps if one is not app)
        if app.group is None or not (app.hook or app.again or others):
            self._cleared(app)
        else:
            app.enter(CLEARING, time.monotonic() + CLEARING_LIMIT)
            self.clear(app)

    def clear(self, app: App) -> None:
        """Try it again; the killed take a moment."""
        assert app.group is not None
        try:
            gone = app.group.end()
        except OSError:
            gone = False
        if not gone and time.monotonic() >= app.due:
            self.note(app, "some of its processes cannot be ended")
            gone = True
        if gone:
            self._cleared(app)

    def _cleared(self, app: App) -> None:
        if app.hook:
            app.hook = app.overdue = False
            self._start(app, POST_STOP, app.plan.post_stop, _runs_hooks(app))
        elif app.again and not self.pod.stopping:
            if app.began and time.monotonic() - app.began >= order.LONG_ENOUGH:
                app.attempt = 0
            pause = order.pause(self.plan.backoff, app.attempt)
            app.attempt += 1
            self._tell_again(app, pause)
            app.enter(PAUSE, time.monotonic() + pause)
        else:
            self.over(app)

    def _tell_again(self, app: App, pause: float) -> None:
        """A line for the pod's log on each life that comes after another one, and why."""
        why = f"{app.ended_for or app.reason}: ended with {app.status}"
        when = f"restart {app.restarts + 1} in {pause:g} s"
        self.link.report(messages.AGAIN, f"app {app.name}: {why}; {when}")

    def over(self, app: App) -> None:
        """Its last life is over."""
        app.enter(OVER)
        if app.again:  # another one would have begun, had the pod not been stopped
            app.again = False
            self._record(app)
            self.pod.failed_or_done(app, app.status or 0)
        self.pod.is_over(app)

    def broken(self, app: App, err: Exception) -> None:
        """Something that nobody foresaw went wrong with an app: its life ends, the pod's does not."""
        self.note(app, f"unexpected: {type(err).__name__}: {safe(err)}")
        if app.pid:
            os.kill(app.pid, signals.SIGKILL)
        elif app.phase != OVER:
            app.enter(OVER)
            app.again = app.hook = False
            app.status, app.reason = app.status or apps.SETUP_FAILED, FAILED
            self._record(app)
            self.pod.failed_or_done(app, app.status)
            self.pod.is_over(app)

    def due(self, app: App) -> None:
        """What the phase waits for has come, or it takes too long."""
        app.due = NEVER
        if app.phase == PAUSE:
            app.restarts += 1
            self.begin(app)
        elif app.pid:
            app.overdue = app.phase == POST_STOP or not app.asked
            os.kill(app.pid, signals.SIGKILL)
