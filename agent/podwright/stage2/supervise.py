# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's PID 1 at work: starts the apps, reaps, forwards signals, records how they ended.

An app goes through pre-start, main and post-stop. The first app that fails ends the pod; one
that ends with 0 lets the others run on (B9). Statuses are the real ones: 128+n for signal n.
"""

from __future__ import annotations

import os
import time

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, signals
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces import program
from podwright.stage1.namespaces.identity import ROOT
from podwright.stage2 import app as apps
from podwright.stage2.ready import Readiness
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Protocol

    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan

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

WAITING, PRE_START, MAIN, POST_STOP, OVER = range(5)
NEVER = float("inf")


class App:
    """One app's state: its phase, the process of that phase, and its main program's status."""

    def __init__(self, target: apps.Target) -> None:
        self.target = target
        self.name = target.plan.name
        self.phase = WAITING
        self.pid = 0
        self.status: Optional[int] = None


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
    ) -> None:
        self.plan = plan
        self.apps = [App(target) for target in targets]
        self.link = link
        self.stdio = stdio
        self.quiet = apps.Stdio(null, null, null)
        self.reason = "exited"
        self.status = 0
        self.stopping = False
        self.kill_at = NEVER
        self.starting: list[tuple[App, apps.Started, str]] = []
        self.probe_pid = 0
        self.control: Optional[Control] = None
        self.ready = Readiness(plan.ready, address, self._alive, self._start_probe)

    def run(self) -> tuple[int, str]:
        """Run the pod to its end: (status, reason). Raises LaunchError when an app's
        confinement cannot be set up."""
        for app in self.apps:
            self._begin(app)
        self._settle()
        while any(app.phase != OVER for app in self.apps):
            info = signals.sigtimedwait(AWAITED, self._patience())
            if info is not None:
                self._signalled(info.si_signo)
            self._reap()
            self._tick()
        return self.status, self.reason

    # Phases of an app

    def _begin(self, app: App) -> None:
        if app.target.plan.pre_start:
            self._start(app, PRE_START, app.target.plan.pre_start, ROOT)
        else:
            self._start(app, MAIN, app.target.plan.exec, app.target.identity)

    def _start(self, app: App, phase: int, argv: tuple[str, ...], identity: Identity) -> None:
        app.phase = phase
        path, why = self._find(app, argv[0])
        if not path:
            self._note(app, argv, why)
            self._phase_over(app, apps.EXEC_FAILED)
            return
        started = apps.spawn(app.target, path, argv, identity, self._stdio(phase))
        app.pid = started.pid
        self.starting.append((app, started, path))

    def _stdio(self, phase: int) -> apps.Stdio:
        """A terminal is controlled by the main program only, and hung up when that has ended."""
        if phase == MAIN or not self.stdio.controlling:
            return self.stdio
        return replace(self.stdio, controlling=False) if phase == PRE_START else self.quiet

    def _find(self, app: App, command: str) -> tuple[str, str]:
        root = os.open(app.target.root, beneath.DIRECTORY)
        try:
            search = dict(app.target.plan.environment).get("PATH", "")
            return program.find(root, command, app.target.plan.directory, search)
        finally:
            os.close(root)

    def _settle(self) -> None:
        """Learn of the children just forked whether they executed their program."""
        while self.starting:
            app, started, path = self.starting.pop(0)
            try:
                apps.confirm(started)
            except apps.StartError as err:
                if not err.executing:
                    raise LaunchError(
                        f"app {app.name}: cannot be started: {safe(err.strerror)}", object=app.name
                    ) from None
                root = os.open(app.target.root, beneath.DIRECTORY)
                why = program.explain(root, path, err.errno or 0)
                os.close(root)
                self._note(app, (path,), why)

    def _note(self, app: App, argv: tuple[str, ...], why: str) -> None:
        text = f"app {app.name}: cannot execute {safe(argv[0], 120)}: {why}"
        self.link.report(messages.NOTE, text)

    def _phase_over(self, app: App, status: int) -> None:
        """A process of an app has ended with `status`: go on to what comes next."""
        phase, app.pid = app.phase, 0
        if phase == PRE_START and status == 0 and not self.stopping:
            self._start(app, MAIN, app.target.plan.exec, app.target.identity)
            return
        if phase == POST_STOP:
            if status != 0:
                text = f"app {app.name}: its post-stop hook ended with {status}"
                self.link.report(messages.NOTE, text)
            app.phase = OVER
            return
        self._record(app, status)
        if app.target.plan.post_stop:
            self._start(app, POST_STOP, app.target.plan.post_stop, ROOT)
        else:
            app.phase = OVER
        if status != 0 and not self.stopping:
            self.status = status
            self._stop("failed")
        elif status not in (0, 128 + signals.SIGTERM) and self.reason == "stopped":
            self.status = self.status or status

    def _record(self, app: App, status: int) -> None:
        app.status = status
        path = f"/rkt/status/{app.name}"
        fs.write_atomic(path, f"{status}\n".encode(), 0o644, durable=False)
        self.link.report(messages.ENDED, app.name, str(status))

    # Events

    def _signalled(self, number: int) -> None:
        if number in STOPPING:
            self._stop("stopped")
        elif number in PASSED_ON:
            for app in self.apps:
                if app.phase == MAIN:
                    os.kill(app.pid, number)
        elif number == signals.SIGIO and self.control is not None:
            self.control.signalled()

    def _stop(self, reason: str) -> None:
        """Ask every app to end; what is left after the stop timeout is killed."""
        if self.stopping:
            return
        self.stopping, self.reason = True, reason
        self.kill_at = time.monotonic() + self.plan.stop_timeout
        for app in self.apps:
            if app.phase in (PRE_START, MAIN) and app.pid:
                os.kill(app.pid, signals.SIGTERM)
                os.kill(app.pid, signals.SIGCONT)

    def _reap(self) -> None:
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            code = os.waitstatus_to_exitcode(wait_status)
            self._ended(pid, code if code >= 0 else 128 - code)
        self._settle()

    def _ended(self, pid: int, status: int) -> None:
        if pid == self.probe_pid:
            self.probe_pid = 0
            if self.ready.probed(status):
                self.link.report(messages.READY)
            return
        for app in self.apps:
            if app.pid == pid:
                self._phase_over(app, status)
                return
        if self.control is not None:
            self.control.ended(pid, status)

    def _tick(self) -> None:
        now = time.monotonic()
        if self.control is not None and now >= self.control.due():
            self.control.signalled()
        if now >= self.kill_at:
            # Hooks get the same time again; then they are killed too.
            self.kill_at = now + self.plan.stop_timeout
            for app in self.apps:
                if app.pid:
                    os.kill(app.pid, signals.SIGKILL)
        if self.stopping:
            return
        if self.ready.check():
            self.link.report(messages.READY)
        elif not self.ready.ready and now >= self.ready.deadline():
            self.status = apps.SETUP_FAILED
            text = f"not ready after {self.plan.ready.timeout:g} s: {safe(self.ready.last)}"
            self.link.report(messages.NOTE, text)
            self._stop("not-ready")

    def _patience(self) -> float:
        """Seconds until something is due without a signal."""
        due = self.kill_at
        if self.control is not None:
            due = min(due, self.control.due())
        if not self.stopping and not self.ready.ready:
            due = min(due, self.ready.deadline(), NEVER if self.ready.probing else self.ready.next)
        return 3600.0 if due == NEVER else max(0.0, due - time.monotonic())

    # Readiness

    def _alive(self) -> bool:
        return all(app.phase == MAIN or app.status == 0 for app in self.apps)

    def _start_probe(self) -> None:
        wanted = self.plan.ready.app
        app = next(app for app in self.apps if wanted in ("", app.name))
        argv = self.plan.ready.exec
        path, why = self._find(app, argv[0])
        if not path:
            self.ready.probed(apps.EXEC_FAILED)
            self.ready.last = why
            return
        started = apps.spawn(app.target, path, argv, app.target.identity, self.quiet)
        self.probe_pid = started.pid
        try:
            apps.confirm(started)
        except apps.StartError as err:
            self.ready.last = f"{argv[0]}: {err.strerror}"
