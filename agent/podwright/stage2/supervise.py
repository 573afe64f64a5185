# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's PID 1 at work: starts the apps, reaps, forwards signals, records how they ended.

Each life of an app goes through pre-start, main and post-stop; what it left behind is ended in
between. Apps start when what they depend on has, and are asked to end before it. Statuses are the
real ones (B9): 128+n for signal n, and why.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import fs, signals
from podwright.model.life import ALL_ENDED, HOOK_TIMEOUT
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces.identity import ROOT
from podwright.stage2 import app as apps
from podwright.stage2 import order
from podwright.stage2.appstate import (
    CLEARING,
    MAIN,
    NEVER,
    NEVER_STARTED,
    OVER,
    PAUSE,
    POST_STOP,
    PRE_START,
    WAITING,
    App,
)
from podwright.stage2.gate import Gate
from podwright.stage2.starter import Starter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Protocol

    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.leftovers import Group

    class Control(Protocol):
        """Who else has children of PID 1 and descriptors that it waits for."""

        def signalled(self) -> None:
            """SIGIO came: some descriptor is ready."""

        def ended(self, pid: int, status: int) -> bool:
            """A child ended (128+n for signal n); whether it was one of the control's."""

        def due(self) -> float:
            """When it wants `signalled` to be called without a signal (monotonic), or inf."""


STOPPING = (signals.SIGTERM, signals.SIGINT, signals.SIGQUIT)
PASSED_ON = (signals.SIGHUP, signals.SIGUSR1, signals.SIGUSR2, signals.SIGWINCH)
AWAITED = (signals.SIGCHLD, signals.SIGIO, *STOPPING, *PASSED_ON)

AT_ONCE = 512
"""Children that are reaped before anything else is looked at."""
CLEARING_POLL = 0.02
CLEARING_LIMIT = 10.0
ON_REQUEST = "stopped"


class Supervisor:
    """Runs a pod whose roots are in place, from PID 1 with all `AWAITED` signals blocked."""

    def __init__(
        self,
        plan: PodPlan,
        targets: list[apps.Target],
        link: Inside,
        address: str,
        stdio: apps.Stdio,
        null: int,
        groups: Optional[dict[str, Group]] = None,
    ) -> None:
        self.plan = plan
        self.apps = [App(target, (groups or {}).get(target.plan.name)) for target in targets]
        self.users = order.dependents({app.name: app.life.depends_on for app in self.apps})
        self.link = link
        self.starter = Starter(link, stdio, null)
        self.gate = Gate(plan, self.apps, self.starter, address)
        self.reason = "exited"
        self.status = 0
        self.stopping = False
        self.control: Optional[Control] = None
        self.more_to_reap = False

    def run(self) -> tuple[int, str]:
        """Run the pod to its end: (status, reason). Raises LaunchError when an app's
        confinement cannot be set up."""
        self._advance()
        self.starter.launching = False
        while any(app.phase != OVER for app in self.apps):
            info = signals.sigtimedwait(AWAITED, self._patience())
            if info is not None:
                self._signalled(info.si_signo)
            self._reap()
            self._tick()
        return self.status, self.reason

    # Whose turn it is

    def _advance(self) -> None:
        """Start every app whose dependencies are met, and those that wait for nothing but them."""
        while True:
            moved = [app for app in self.apps if app.phase == WAITING and self._turn(app)]
            self._settle()
            if not moved:
                return

    def _turn(self, app: App) -> bool:
        """Begin an app if it is its turn, or give it up; whether anything was done."""
        lacks = order.missing(
            app.life.depends_on,
            {one.name for one in self.apps if one.executed},
            {one.name for one in self.apps if one.was_ready},
        )
        if not lacks:
            self._begin(app)
            return True
        lost = order.hopeless(lacks, {one.name for one in self.apps if one.phase == OVER})
        if lost is not None:
            text = f"app {app.name}: never started: app {lost.app} has ended before it was"
            self.link.report(messages.NOTE, f"{text} {lost.condition}")
            self._never(app)
            self._count(app, apps.SETUP_FAILED)
        return lost is not None

    def _never(self, app: App) -> None:
        app.enter(OVER)
        app.reason = NEVER_STARTED
        self._report_end(app)

    def _begin(self, app: App) -> None:
        app.began, app.status, app.reason = 0.0, None, ""
        app.overdue = app.again = False
        app.hook = bool(app.plan.post_stop)
        if app.plan.pre_start:
            self._start(app, PRE_START, app.plan.pre_start, ROOT)
        else:
            self._start(app, MAIN, app.plan.exec, app.target.identity)

    def _start(self, app: App, phase: int, argv: tuple[str, ...], identity: Identity) -> None:
        app.enter(phase, NEVER if phase == MAIN else time.monotonic() + self._hook_time(app))
        if not self.starter.start(app, argv, identity):
            self._phase_over(app, apps.EXEC_FAILED, False)

    def _hook_time(self, app: App) -> float:
        """Seconds for a hook; when the pod is stopping, what an app gets, if nothing is said."""
        if app.life.hook_timeout is not None:
            return app.life.hook_timeout
        return app.plan.stop_timeout if self.stopping else HOOK_TIMEOUT

    def _settle(self) -> None:
        """Learn of the children just forked whether they executed their program."""
        for app in self.starter.settle():
            if app.phase == MAIN:
                app.began, app.started = time.monotonic(), time.time()
                if app.restarts or app.life.depends_on:
                    fields = (app.name, str(app.started), str(app.restarts))
                    self.link.report(messages.BEGUN, *fields)
                app.executed = True
                self.gate.executed(app)

    # The end of a life

    def _phase_over(self, app: App, status: int, killed: bool) -> None:
        """A process of an app has ended with `status`: go on to what comes next."""
        if app.phase == PRE_START and status == 0 and not app.asked:
            self._start(app, MAIN, app.plan.exec, app.target.identity)
        elif app.phase == POST_STOP:
            self._hook_over(app, status)
        else:
            self._life_over(app, status, killed)

    def _hook_over(self, app: App, status: int) -> None:
        how = "took too long" if app.overdue else f"ended with {status}"
        if status != 0:
            text = f"app {app.name}: its post-stop hook {how}"
            self.link.report(messages.NOTE, text)
        self._clear(app)

    def _life_over(self, app: App, status: int, killed: bool) -> None:
        """The main program, or a pre-start hook, has ended and nothing comes after it."""
        if app.phase == PRE_START and app.overdue:
            text = f"app {app.name}: its pre-start hook took too long"
            self.link.report(messages.NOTE, text)
        app.status, app.reason = status, app.why(status, killed)
        app.finished = time.time()
        app.again = not self.stopping and order.starts_again(app.life.restart, status)
        self.gate.ended(app)
        if app.again:
            self._report_end(app)
        else:
            self._record(app)
        self._clear(app)
        if not app.again:
            self._count(app, status)

    def _record(self, app: App) -> None:
        """The app has ended for good."""
        path = f"/rkt/status/{app.name}"
        fs.write_atomic(path, f"{app.status}\n".encode(), 0o644, durable=False)
        self._report_end(app)

    def _report_end(self, app: App) -> None:
        status = "" if app.status is None else str(app.status)
        times = (str(app.started), str(app.finished))
        last = str(int(not app.again))
        self.link.report(
            messages.ENDED, app.name, status, app.reason, *times, str(app.restarts), last
        )

    def _count(self, app: App, status: int) -> None:
        """What the end of an app means for the pod."""
        policy = self.plan.exit_policy
        if self.stopping:
            fine = (0, 128 + app.plan.stop_signal)
            if self.reason == ON_REQUEST and status not in fine:
                self.status = self.status or (status if order.counts(policy, app.name) else 0)
        elif order.ends_pod(policy, app.name, status):
            self.status = status
            self._stop("failed" if status else "exited")
        elif status and policy == ALL_ENDED and not self.status:
            self.status, self.reason = status, "failed"

    # Between two lives

    def _clear(self, app: App) -> None:
        """End what the app left behind, if anything runs on after it."""
        others = any(one.phase != OVER for one in self.apps if one is not app)
        if app.group is None or not (app.hook or app.again or others):
            self._cleared(app)
        else:
            app.enter(CLEARING, time.monotonic() + CLEARING_LIMIT)
            self._try_clearing(app)

    def _try_clearing(self, app: App) -> None:
        assert app.group is not None
        if app.group.end():
            self._cleared(app)
        elif time.monotonic() >= app.due:
            text = f"app {app.name}: some of its processes cannot be ended"
            self.link.report(messages.NOTE, text)
            self._cleared(app)

    def _cleared(self, app: App) -> None:
        if app.hook:
            app.hook = app.overdue = False
            self._start(app, POST_STOP, app.plan.post_stop, ROOT)
        elif app.again and not self.stopping:
            if app.began and time.monotonic() - app.began >= order.LONG_ENOUGH:
                app.attempt = 0
            pause = order.pause(self.plan.backoff, app.attempt)
            app.attempt += 1
            app.enter(PAUSE, time.monotonic() + pause)
        else:
            self._over(app)

    def _over(self, app: App) -> None:
        """The app's last life is over; whom it depends on may go now."""
        app.enter(OVER)
        if app.again:  # it would have been, had the pod not been stopped
            app.again = False
            self._record(app)
            self._count(app, app.status or 0)
        if self.stopping:
            self._ask()

    # Stopping

    def _stop(self, reason: str) -> None:
        """End every app, those that others depend on after those."""
        if self.stopping:
            return
        self.stopping, self.reason = True, reason
        for app in self.apps:
            if app.phase == WAITING:
                self._never(app)
            elif app.phase == PAUSE:
                self._over(app)
            elif app.phase == POST_STOP:
                app.due = min(app.due, time.monotonic() + self._hook_time(app))
        self._ask()

    def _ask(self) -> None:
        """Ask those to end whom nobody depends on any more; later they are killed."""
        alive = {app.name for app in self.apps if app.phase != OVER}
        free = order.unneeded(self.users, alive)
        for app in self.apps:
            if app.name in free and app.phase in (PRE_START, MAIN) and not app.asked and app.pid:
                app.asked = True
                app.due = time.monotonic() + app.plan.stop_timeout
                polite = app.plan.stop_signal if app.phase == MAIN else signals.SIGTERM
                os.kill(app.pid, polite)
                os.kill(app.pid, signals.SIGCONT)

    # Events

    def _signalled(self, number: int) -> None:
        if number in STOPPING:
            self._stop(ON_REQUEST)
        elif number in PASSED_ON:
            for app in self.apps:
                if app.phase == MAIN and app.pid:
                    os.kill(app.pid, number)
        elif number == signals.SIGIO and self.control is not None:
            self.control.signalled()

    def _reap(self) -> None:
        """Reap, but not for ever: orphans may come faster than they can be reaped."""
        self.more_to_reap = True
        for _ in range(AT_ONCE):
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
            if pid == 0:
                self.more_to_reap = False
                break
            code = os.waitstatus_to_exitcode(wait_status)
            self._ended(pid, code if code >= 0 else 128 - code, code < 0)
        self._advance()

    def _ended(self, pid: int, status: int, killed: bool) -> None:
        for app in self.apps:
            if app.pid == pid:
                app.pid = 0
                self._phase_over(app, status, killed)
                return
        if not self.gate.probed(pid, status) and self.control is not None:
            self.control.ended(pid, status)

    def _tick(self) -> None:
        now = time.monotonic()
        if self.control is not None and now >= self.control.due():
            self.control.signalled()
        for app in self.apps:
            if app.phase == CLEARING:
                self._try_clearing(app)
            elif now >= app.due:
                self._due(app)
        if not self.stopping:
            self._check_readiness()
        self._advance()

    def _due(self, app: App) -> None:
        app.due = NEVER
        if app.phase == PAUSE:
            app.restarts += 1
            self._begin(app)
        elif app.pid:
            app.overdue = app.phase == POST_STOP or not app.asked
            os.kill(app.pid, signals.SIGKILL)

    def _check_readiness(self) -> None:
        if self.gate.check():
            self.link.report(messages.READY)
        late = self.gate.late()
        if late:
            self.status = apps.SETUP_FAILED
            self.link.report(messages.NOTE, late)
            self._stop("not-ready")

    def _patience(self) -> float:
        """Seconds until something is due without a signal."""
        if self.more_to_reap:
            return 0.0
        due = min(app.due for app in self.apps)
        if any(app.phase == CLEARING for app in self.apps):
            due = min(due, time.monotonic() + CLEARING_POLL)
        if self.control is not None:
            due = min(due, self.control.due())
        if not self.stopping:
            due = min(due, self.gate.due())
        return 3600.0 if due == NEVER else max(0.0, due - time.monotonic())
