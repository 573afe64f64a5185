# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listen to a pod's PID 1 until it has ended, and pass signals on to it meanwhile."""

from __future__ import annotations

import os

from podwright.errors import LaunchError, PodwrightError
from podwright.kernel import beneath, fs, signals
from podwright.stage1.contract import AppRecord, Outcome
from podwright.stage1.namespaces import link, record
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Optional, Union

    from podwright.stage1.contract import OnReady, OnReport
    from podwright.stage1.namespaces.output import Output
    from podwright.stage1.namespaces.patience import Patience
    from podwright.stage1.namespaces.relay import Relay

FORWARDED = (
    *(signals.SIGTERM, signals.SIGINT, signals.SIGQUIT, signals.SIGHUP),
    *(signals.SIGUSR1, signals.SIGUSR2, signals.SIGWINCH),
)
MOST_NOTES = 100
KILLED = 128 + signals.SIGKILL


class Follower:
    """The waiting side of a pod: owns its PID 1 until it is reaped, and the signal handlers.

    pod_dir, root   the pod's directory, and its root on the host
    names           its apps
    on_ready        called once, when the pod has become ready
    on_report       called with each sentence about protection that was found missing
    """

    def __init__(
        self,
        pod_dir: str,
        root: str,
        names: tuple[str, ...],
        on_ready: Optional[OnReady] = None,
        on_report: Optional[OnReport] = None,
    ) -> None:
        self.pod_dir = pod_dir
        self.root = root
        self.names = names
        self.changing = False
        self.on_ready = on_ready
        self.on_report = on_report
        self.pid = 0
        self.report = -1
        self.relay: Optional[Union[Relay, Output]] = None
        self.patience: Optional[Patience] = None
        self.handlers: dict[int, Any] = {}
        self.apps: dict[str, AppRecord] = {}
        self.notes: list[str] = []
        self.reports: list[str] = []

    def take_signals(self) -> None:
        """From here on what we are sent goes to PID 1, until `end`."""
        for number in FORWARDED:
            self.handlers[number] = signals.signal(number, self._forward)

    def _forward(self, number: int, _frame: object) -> None:
        if number == signals.SIGWINCH and self.relay is not None:
            self.relay.resized()
        elif self.pid:
            os.kill(self.pid, number)

    def isolated(self) -> None:
        """PID 1 has its namespaces, and waits."""

    def idle(self) -> None:
        """Called before each wait for a message; may take its time, or become something smaller."""
        if self.patience is not None:
            self.patience.idle(self)

    def follow(self) -> Outcome:
        """Listen until PID 1 has ended. Raises what PID 1 says, when it could not start the pod."""
        outcome: Optional[Outcome] = None
        for kind, *fields in link.messages(self.report, self.idle):
            if kind == link.ISOLATED:
                self.isolated()
            elif kind == link.READY:
                self._say_ready()
                if self.on_ready is not None:
                    self.on_ready()
                    self.on_ready = None  # probes may say it again
                if self.patience is not None:
                    self.patience.begin()
            elif kind in (link.HEALTH, link.UNREADY):
                self._health_told(kind, fields)
            elif kind == link.NOTE:
                self._noted(fields[0])
            elif kind == link.AGAIN:
                self._log(fields[0])
            elif kind == link.REPORT:
                self.reported(fields[0])
            elif kind in (link.BEGUN, link.ENDED):
                self._app_told(kind, fields)
            elif kind == link.APPS:
                self._apps_changed(tuple(fields))
            elif kind == link.MACHINE:
                self._machine_told(fields[0])
            elif kind == link.DONE:
                outcome = self._outcome(int(fields[0]), fields[1])
            elif kind == link.FAILED:
                _raise(fields)
        return outcome or self._killed()

    def _health_told(self, kind: str, fields: list[str]) -> None:
        """Keep what probes say."""
        from podwright.stage1.namespaces import health

        try:
            if kind == link.HEALTH:
                health.told(self.pod_dir, fields)
            else:
                self._say_unready()
                health.say(self.pod_dir, ready=False)
        except OSError as err:  # a full disk is no reason to end the pod
            self._noted(f"what probes say cannot be recorded: {safe(err)}")

    def _machine_told(self, text: str) -> None:
        """Keep what the pod's virtual machine is."""
        try:
            fs.write_atomic(f"{self.pod_dir}/machine", text.encode(), 0o644, durable=False)
        except OSError as err:  # a full disk is no reason to end the pod
            self._noted(f"what its machine is cannot be recorded: {safe(err)}")

    def _log(self, text: str) -> None:
        """Say something at once where the pod's own messages go; a terminal may be the app's now."""
        end = "\n" if self.relay is None else "\r\n"
        try:
            os.write(2, f"podwright: {safe(text, 2000)}{end}".encode("utf-8", "replace"))
        except OSError:
            return  # nobody reads it any more: no reason to end the pod

    def _noted(self, text: str) -> None:
        """Keep a sentence; an app that is started again and again may cause the same one often."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)

    def _app_told(self, kind: str, fields: list[str]) -> None:
        """Keep what an app's life has come to, and write it while the pod goes on."""
        found = link.app_record(kind, fields)
        self.apps[found.name] = found
        over = all(name in self.apps and self.apps[name].over for name in self.names)
        if self.changing or not over:
            self._write_apps()

    def _write_apps(self) -> None:
        try:
            record.write_apps(self.pod_dir, tuple(self.apps.values()))
        except OSError as err:  # a full disk is no reason to end the pod
            self._noted(f"how the apps fare cannot be recorded: {safe(err)}")

    def _apps_changed(self, names: tuple[str, ...]) -> None:
        """These are the pod's apps from here on; what is known of others is forgotten."""
        self.changing = True
        self.names = names
        if any(name not in names for name in self.apps):
            self.apps = {name: app for name, app in self.apps.items() if name in names}
            self._write_apps()

    def reported(self, *texts: str) -> None:
        """Record and tell protection that was found missing; nothing, on most hosts."""
        if texts:
            self.reports += texts
            record.write_reports(self.pod_dir, self.reports)
            if self.on_report is not None:
                for text in texts:
                    self.on_report(text)

    def has_ended(self) -> bool:
        """Whether PID 1 is dead; it is not reaped."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _killed(self) -> Outcome:
        """PID 1 ended without a word: `stop --force`, somebody else, or the kernel short of memory."""
        forced = record.was_forced(self.pod_dir)
        for name in self.names:
            known = self.apps.get(name)
            if known is None or not known.over:
                self.apps[name] = link.killed_record(name, known, asked=forced)
                self._write_killed(name)
        return self._outcome(KILLED, "stopped" if forced else "killed")

    def _inside(self, path: str) -> int:
        """A directory of the pod's own root. PID 1 can write there, so no link is followed."""
        top = os.open(self.root, beneath.DIRECTORY)
        try:
            return beneath.open_strict(top, path, beneath.DIRECTORY)
        finally:
            os.close(top)

    def _say_ready(self) -> None:
        try:
            where = self._inside("rkt")
            try:
                fs.symlink("ready", "supervisor-status", dir_fd=where)
            finally:
                os.close(where)
        except OSError as err:
            self._not_there(err)
        if os.path.exists(f"{self.pod_dir}/health"):
            from podwright.stage1.namespaces import health

            health.say(self.pod_dir, ready=True)

    def _say_unready(self) -> None:
        where = self._inside("rkt")
        try:
            fs.unlink("supervisor-status", dir_fd=where)
        finally:
            os.close(where)

    def _write_killed(self, name: str) -> None:
        """Write an app's status file in PID 1's place."""
        try:
            where = self._inside("rkt/status")
            try:
                fs.replace_at(where, name, f"{KILLED}\n".encode(), 0o644, durable=False)
            finally:
                os.close(where)
        except OSError as err:
            self._not_there(err)

    def _not_there(self, err: OSError) -> None:
        """What is in the pod's own root is not as it was made, which is no fault of the host."""
        self._noted(f"what the pod has come to cannot be written in its root: {safe(err.strerror)}")

    def _outcome(self, status: int, reason: str) -> Outcome:
        records = tuple(self.apps.get(name, AppRecord(name)) for name in self.names)
        ended = {app.name: app.status for app in records if app.status is not None}
        notes, reports = tuple(self.notes), tuple(self.reports)
        return Outcome(status, reason, ended, notes, reports, records)

    def reap(self) -> None:
        """Make sure that nothing of the pod runs any more."""
        if self.pid:
            # Still unreaped, so the pid is ours; the kernel ends the rest with it (PID 1 gone
            # means an empty namespace when waitpid returns).
            os.kill(self.pid, signals.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0

    def end(self) -> None:
        """The same, and give the signals back."""
        self.reap()
        for number, handler in self.handlers.items():
            signals.signal(number, handler)
        if self.report >= 0:
            os.close(self.report)
            self.report = -1


def _raise(fields: list[str]) -> NoReturn:
    reason, stage, message, hint = fields
    kind = LaunchError if stage == LaunchError.stage else PodwrightError
    raise kind(message, hint, reason=reason, stage=stage)
