# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's PID 1 at work: starts the apps, reaps, forwards signals, records how they ended.

Apps start when what they depend on has, and are asked to end before it. Statuses are the
real ones (B9): 128+n for signal n, and why.
"""

from __future__ import annotations

import os
import time

from podwright.errors import PodwrightError
from podwright.kernel import signals
from podwright.model.life import ALL_ENDED
from podwright.stage1.namespaces import link as messages
from podwright.stage2 import app as apps
from podwright.stage2 import order
from podwright.stage2.appstate import (
    CLEARING,
    MAIN,
    NEVER,
    OVER,
    PAUSE,
    POST_STOP,
    PRE_START,
    WAITING,
    App,
)
from podwright.stage2.gate import Gate
from podwright.stage2.lives import CLEARING_POLL, Lives
from podwright.stage2.starter import Starter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from signal import struct_siginfo
    from typing import Optional, Protocol

    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.leftovers import Group
    from podwright.stage2.notices import Notices

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
ON_REQUEST = "stopped"
SENT_BY_KILL = 0
"""si_code of kill(2)."""


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
        self.lives = Lives(plan, self.apps, link, self.starter, self.gate, self)
        self.reason = "exited"
        self.status = 0
        self.stopping = self.ready = False
        self.control: Optional[Control] = None
        self.notices: Optional[Notices] = None
        self.more_to_reap = False

    def run(self) -> tuple[int, str]:
        """Run the pod to its end: (status, reason). Raises LaunchError when an app's
        confinement cannot be set up; EOFError when it cannot go on, and has said why."""
        try:
            self._obey_early()
            self._advance()
            while self.goes_on():
                self.starter.launching = self.starter.launching and bool(self.starter.starting)
                info = signals.sigtimedwait(AWAITED, self._patience())
                if info is not None:
                    self._signalled(info)
                self._reap()
                self._tick()
            if self.starter.streams is not None:
                self.starter.streams.finish()
        except Exception as err:
            if isinstance(err, PodwrightError) or not any(app.executed for app in self.apps):
                raise
            text = f"the pod cannot go on: {type(err).__name__}: {safe(err)}"
            self.link.report(messages.NOTE, text)
            raise EOFError from err
        return self.status, self.reason

    def goes_on(self) -> bool:
        """Whether the pod does not end yet."""
        return any(app.phase != OVER for app in self.apps)

    # Whose turn it is

    def _advance(self) -> None:
        """Start every app whose dependencies are met, and those that wait for nothing but them."""
        while True:
            moved = [app for app in self.apps if app.phase == WAITING and self._turn(app)]
            if not self.lives.settle() and not moved:
                return

    def _for(self, app: App, act: Callable[[App], None]) -> None:
        """Do something for an app. What goes wrong then, unforeseen, is no other app's business."""
        try:
            act(app)
        except PodwrightError:
            raise
        except Exception as err:
            self.lives.broken(app, err)

    def _turn(self, app: App) -> bool:
        """Begin an app if it is its turn, or give it up; whether anything was done."""
        lacks = order.missing(
            app.life.depends_on,
            {one.name for one in self.apps if one.executed and not one.starting},
            {one.name for one in self.apps if one.was_ready},
        )
        if not lacks:
            self._for(app, self.lives.begin)
            return True
        lost = order.hopeless(lacks, {one.name for one in self.apps if one.phase == OVER})
        if lost is not None:
            why = f"app {lost.app} has ended before it was {lost.condition}"
            self.lives.note(app, f"never started: {why}")
            self.lives.never(app)
            self.failed_or_done(app, apps.SETUP_FAILED)
        return lost is not None

    def failed_or_done(self, app: App, status: int) -> None:
        """What the end of an app for good means for the pod."""
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

    def is_over(self, app: App) -> None:
        """Whom the app depends on may go now, if all are to go."""
        if self.stopping:
            self._ask()

    # Stopping

    def _stop(self, reason: str) -> None:
        """End every app, those that others depend on after those."""
        if self.stopping:
            return
        self.stopping, self.reason = True, reason
        if self.gate.health is not None:
            self.gate.health.stop()
        for app in self.apps:
            if app.phase == WAITING:
                self.lives.never(app)
            elif app.phase == PAUSE:
                self.lives.over(app)
            elif app.phase == POST_STOP:
                app.due = min(app.due, time.monotonic() + self.lives.hook_time(app))
        self._ask()

    def _ask(self) -> None:
        """Ask those to end whom nobody depends on any more; later they are killed."""
        alive = {app.name for app in self.apps if app.phase != OVER}
        free = order.unneeded(self.users, alive)
        for app in self.apps:
            if app.name in free and app.phase in (PRE_START, MAIN) and not app.asked and app.pid:
                self.ask(app)

    def ask(self, app: App) -> None:
        """Ask an app to end whose process runs."""
        app.asked = True
        app.due = time.monotonic() + app.plan.stop_timeout
        polite = app.plan.stop_signal if app.phase == MAIN else signals.SIGTERM
        os.kill(app.pid, polite)
        os.kill(app.pid, signals.SIGCONT)

    # Events

    def _signalled(self, info: struct_siginfo) -> None:
        number = info.si_signo
        if number in STOPPING:
            if self._from_outside(info):
                self._stop(ON_REQUEST)
        elif number in PASSED_ON:
            for app in self.apps if self._from_outside(info) else ():
                if app.phase == MAIN and app.pid:
                    os.kill(app.pid, number)
        elif number == signals.SIGIO and self.control is not None:
            self.control.signalled()

    def _obey_early(self) -> None:
        """Obey what was sent before anything of the pod ran: who sent it cannot be one of its apps.

        It may have come before we entered the pod's user namespace, with the host's numbers.
        """
        while True:
            info = signals.sigtimedwait((*STOPPING, *PASSED_ON), 0)
            if info is None:
                return
            if info.si_signo in STOPPING:
                self._stop(ON_REQUEST)

    def _from_outside(self, info: struct_siginfo) -> bool:
        """Whether the host's root sent a signal, and nobody of the pod.

        Who is outside of the pod's namespaces has no numbers in them; what is sent with numbers
        that the sender chose has another code. A pod that keeps the host's has no outside.
        """
        if "pid" in self.plan.kept:
            return True
        of_root = (info.si_uid == 0) is (self.plan.users is None)
        return info.si_code == SENT_BY_KILL and info.si_pid == 0 and of_root

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
        self.lives.settle()  # it may have ended before we learned that it had begun
        for app in self.apps:
            if app.pid == pid:
                app.pid = 0
                self._for(app, lambda one: self.lives.ended(one, status, killed))
                return
        if self.notices is not None and self.notices.ended(pid):
            return
        if not self.gate.probed(pid, status) and self.control is not None:
            self.control.ended(pid, status)

    def _tick(self) -> None:
        now = time.monotonic()
        if self.control is not None and now >= self.control.due():
            self.control.signalled()
        if self.notices is not None:
            self.notices.tick()
        for app in self.apps:
            if app.phase == CLEARING:
                self._for(app, self.lives.clear)
            elif now >= app.due:
                self._for(app, self.lives.due)
        if not self.stopping:
            self._check_readiness()
        self._advance()

    def _check_readiness(self) -> None:
        if self.gate.check() or (self.gate.passed and self.gate.serves()) is not self.ready:
            self.ready = not self.ready
            self.link.report(messages.READY if self.ready else messages.UNREADY)
        late = self.gate.late()
        if late:
            self.status = apps.SETUP_FAILED
            self.link.report(messages.NOTE, late)
            self._stop("not-ready")

    def _patience(self) -> float:
        """Seconds until something is due without a signal."""
        if self.more_to_reap:
            return 0.0
        due = min([self.starter.due(), *(app.due for app in self.apps)])
        if any(app.phase == CLEARING for app in self.apps):
            due = min(due, time.monotonic() + CLEARING_POLL)
        if self.control is not None:
            due = min(due, self.control.due())
        if self.notices is not None:
            due = min(due, self.notices.due())
        if not self.stopping:
            due = min(due, self.gate.due())
        return 3600.0 if due == NEVER else max(0.0, due - time.monotonic())
