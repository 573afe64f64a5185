# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stay with a pod that a stage1 image runs: what becomes of its process, and what it says in files.

The entry point `run` is a child of ours. What it leaves behind when it ends is ended, unless the process
that it has named as the pod goes on: then we stay with that.
"""

from __future__ import annotations

import os
import select
import time

from podwright.errors import PodwrightError
from podwright.host import identity
from podwright.kernel import beneath, fs, inotify, signals
from podwright.stage1.contract import AppRecord, Outcome
from podwright.stage1.external import record
from podwright.stage1.external.roots import ROOT
from podwright.stage1.namespaces import record as common
from podwright.stage1.namespaces.follow import FORWARDED, KILLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.contract import Launch, OnReady, OnReport
    from podwright.stage1.external.outputs import Streams

GRACE = 5.0
"""Seconds, besides the pod's own time to stop, until a stage1 that was asked to end is killed."""
LONG = 3600.0
FIRST, LONGEST = 0.01, 1.0
"""Seconds between two looks at the children of the process that `ppid` names."""
UNREADY = UNKNOWN = 254
UNUSABLE = "?"


class Life:
    """From the start of `run` to the end of the pod.

    link     ready is when the stage1 says so; else when the pod has lived for a while
    mutable  apps come and go, and their ends are not the pod's
    patience seconds for that, or 0 for any time
    stop     executes the stage1's entry point `stop`; None where it has none
    """

    def __init__(
        self, pod: Launch, group: PodCgroup, on_ready: OnReady, on_report: Optional[OnReport]
    ) -> None:
        self.pod = pod
        self.group = group
        self.on_ready: Optional[OnReady] = on_ready
        self.on_report = on_report
        self.link = True
        self.mutable = False
        self.patience = 0.0
        self.run = 0
        self.early = 0
        self.stop: Optional[Callable[[], int]] = None
        self.stopping = False
        self.run_fd = -1
        self.init = 0
        self.init_fd = -1
        self.alive_since = time.monotonic()
        self.status: Optional[int] = None
        self.signal = 0
        self.asked = False
        self.deadline = 0.0
        self.began = time.time()
        self.due = time.monotonic()
        self.pause = FIRST
        self.unready = False
        self.unclear: set[str] = set()
        self.notes: list[str] = []
        self.reports: list[str] = []
        self.streams: Optional[Streams] = None
        self.handlers: dict[int, Any] = {}
        self.root = os.open(f"{pod.pod_dir}/{ROOT}", beneath.DIRECTORY)
        self.others = frozenset(record.children(os.getpid()))
        self.woken, self.waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch = inotify.Watch()
        for path in (pod.pod_dir, f"{pod.pod_dir}/{ROOT}/rkt"):
            self.watch.on(path)

    def started(self, pid: int) -> None:
        """`run` is executed."""
        self.run = pid
        self.run_fd = os.pidfd_open(pid)
        self.alive_since = time.monotonic()
        self._record()
        if self.early:
            self._forward(self.early, None)

    def take_signals(self) -> None:
        """From here on what we are sent goes to `run`, until `end`."""
        for number in FORWARDED:
            self.handlers[number] = signals.signal(number, self._forward)
        self.handlers[signals.SIGCHLD] = signals.signal(signals.SIGCHLD, self._child)

    def _forward(self, number: int, _frame: object) -> None:
        if number == signals.SIGWINCH and self.streams is not None and self.streams.resized():
            return
        if number in (signals.SIGTERM, signals.SIGINT, signals.SIGQUIT, signals.SIGHUP):
            self.asked = True
            self._wake()
        if number == signals.SIGTERM and self.stop is not None:
            self.stopping = True
            return
        fd = self.run_fd if self.status is None else self.init_fd
        if not self.run:
            self.early = number
        if fd >= 0:
            try:
                signals.pidfd_send_signal(fd, number)
            except ProcessLookupError:
                return

    def _child(self, _number: int, _frame: object) -> None:
        self._wake()  # one that was adopted may have ended

    def _wake(self) -> None:
        try:
            os.write(self.waker, b".")
        except BlockingIOError:
            return  # it is going to be seen anyway

    def reported(self, *texts: str) -> None:
        """Record and tell what the pod does not have."""
        if texts:
            self.reports += texts
            common.write_reports(self.pod.pod_dir, self.reports)
            if self.on_report is not None:
                for text in texts:
                    self.on_report(text)

    def follow(self) -> Outcome:
        """Until the pod has ended."""
        while self._goes_on():
            self._wait()
            self._reap()
            self._look()
        return self._outcome()

    def _goes_on(self) -> bool:
        if self.status is None:
            return True
        return self.signal == 0 and self.init_fd >= 0 and self.init != self.run

    def _wait(self) -> None:
        poll = select.poll()
        fds = [self.watch.fd, self.run_fd if self.status is None else -1, self.init_fd]
        fds += self.streams.fds() if self.streams is not None else []
        for fd in (*fds, self.woken):
            if fd >= 0:
                poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(int(self._patience() * 1000) + 1)}
        self.watch.wait(0)
        if self.woken in ready:
            os.read(self.woken, 4096)
            self._reap_adopted()
        if self.streams is not None:
            self.streams.pump(ready)
        if self.init_fd in ready:
            os.close(self.init_fd)
            self.init_fd = -1

    def _patience(self) -> float:
        """Seconds until something is due."""
        dues = [self.deadline, self._ready_due(), self.due if self._searching() else 0.0]
        if self.streams is not None:
            dues.append(self.streams.due())
        waiting = [due for due in dues if due]
        return max(0.0, min(waiting, default=time.monotonic() + LONG) - time.monotonic())

    def _searching(self) -> bool:
        """Whether `ppid` is there, and it is not clear which process it means."""
        return not self.init and os.path.lexists(f"{self.pod.pod_dir}/ppid")

    def _ready_due(self) -> float:
        if self.on_ready is None:
            return 0.0
        if not self.link:
            return self.alive_since + self.pod.ready.seconds if self.init else 0.0
        return self.alive_since + self.patience if self.patience else 0.0

    def _reap(self) -> None:
        """Our own child, and those that were adopted."""
        if self.status is None:
            found = os.waitid(os.P_PID, self.run, os.WEXITED | os.WNOHANG)
            if found is not None:
                exited = found.si_code == os.CLD_EXITED
                self.signal = 0 if exited else found.si_status
                self.status = found.si_status if exited else 128 + found.si_status

    def _reap_adopted(self) -> None:
        """Descendants whose own parents have ended are children of ours."""
        ours = {self.run, self.streams.pid if self.streams is not None else 0}
        for pid in record.children(os.getpid()):
            if pid not in ours and pid not in self.others:
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)

    def _look(self) -> None:
        """What the stage1 has said, and what is due."""
        self._find_pod()
        now = time.monotonic()
        if self.on_ready is not None and self._is_ready(now):
            self.on_ready()
            self.on_ready = None
        if not self.asked and record.was_asked(self.pod.pod_dir):
            self.asked = True
        if self.stopping:
            self._stop()
        if self.asked and not self.deadline:
            self.deadline = now + self.pod.stop_timeout + GRACE
        if self.deadline and now >= self.deadline:
            self.kill()

    def _stop(self) -> None:
        """By the entry point for that, once; else by the signal."""
        stop, self.stop, self.stopping = self.stop, None, False
        try:
            if stop is not None:
                stop()
        except PodwrightError as err:
            self._note(err.sentence())
            self._forward(signals.SIGTERM, None)

    def _find_pod(self) -> None:
        """The process that the pod is, as soon as its stage1 has named it; another one later, too."""
        pid = record.said(self.pod.pod_dir)
        if pid and pid != self.init:
            if record.is_ours(pid, self.group):
                self._found(pid)
            elif identity.start_time(pid) is not None:
                self._note(f"its stage1 says that it is process {pid}, which is none of the pod's")
        if not self.init:
            self.due = time.monotonic() + self.pause
            self.pause = min(2 * self.pause, LONGEST)

    def _found(self, pid: int) -> None:
        if self.init_fd >= 0:
            os.close(self.init_fd)
        self.init, self.init_fd = pid, -1
        try:
            self.init_fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self._record()

    def _record(self) -> None:
        record.write(self.pod.pod_dir, self.init, self.run, self.group.directories())

    def _is_ready(self, now: float) -> bool:
        if self.link:
            if self._told("rkt/supervisor-status", link=True) == "ready":
                return True
            if self.patience and now >= self.alive_since + self.patience:
                self.unready = True
                self._note("its stage1 has not said that the pod is ready (rkt/supervisor-status)")
                self.on_ready, self.deadline = None, now
            return False
        if not self.init or now < self.alive_since + self.pod.ready.seconds:
            return False
        where = beneath.open_strict(self.root, "rkt", beneath.DIRECTORY)
        try:
            fs.symlink_missing("ready", "supervisor-status", where)
        finally:
            os.close(where)
        return True

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _told(self, path: str, *, link: bool = False) -> str:
        """A short text of the stage1; what else it could have made of it is as much as UNUSABLE."""
        try:
            if link:
                parent, _, name = path.rpartition("/")
                where = beneath.open_strict(self.root, parent, beneath.DIRECTORY)
                try:
                    return os.readlink(name, dir_fd=where)
                finally:
                    os.close(where)
            data = beneath.read_in_root(self.root, path, record.MOST) or b""
        except OSError:
            return "" if link else UNUSABLE
        return data.decode("utf-8", "replace").strip()

    def kill(self) -> None:
        """End `run`, and the process that the pod is."""
        for fd in (self.run_fd if self.status is None else -1, self.init_fd):
            if fd >= 0:
                try:
                    signals.pidfd_send_signal(fd, signals.SIGKILL)
                except ProcessLookupError:
                    continue

    def _outcome(self) -> Outcome:
        assert self.status is not None
        forced = common.was_forced(self.pod.pod_dir)
        stopped = forced or self.asked or record.was_asked(self.pod.pod_dir)
        codes = self._codes(stopped)
        unclear = UNKNOWN if self.unclear else 0
        failed = next((code for code in codes.values() if code), unclear)
        status = self.status or (0 if self.mutable else failed)
        if self.unready:
            reason, status = "not-ready", UNREADY
        elif stopped:
            reason = "stopped"
        elif self.signal:
            reason = "killed"
        else:
            reason = "failed" if status else "exited"
        names = self._names()
        why = "stopped-by-pod" if stopped else ""
        records = tuple(self._app(name, codes.get(name), why) for name in names)
        return Outcome(status, reason, codes, tuple(self.notes), tuple(self.reports), records)

    def _codes(self, stopped: bool) -> dict[str, int]:
        """What each app ended with: as the stage1 wrote it; the only one's is that of `run`."""
        codes = {}
        names = self._names()
        for name in names:
            text = self._told(f"rkt/status/{name}")
            code = record.exit_status(text)
            if code is not None:
                codes[name] = code
            elif text:
                self.unclear.add(name)
                self._note(
                    f"app {name}: its status is unknown: rkt/status/{name} has none of 0 to 255"
                )
        if not codes and not self.unclear and len(names) == 1 and not self.mutable:
            codes[names[0]] = self.status or 0
        if self.signal and not stopped:
            for name in set(names) - self.unclear:
                codes.setdefault(name, KILLED)
        return codes

    def _names(self) -> list[str]:
        """Of its apps, as they are by now."""
        if not self.mutable:
            return [app.name for app in self.pod.manifest.apps]
        from podwright import jsonio
        from podwright.model.pod import parse_pod

        with open(f"{self.pod.pod_dir}/pod", "rb") as file:
            manifest = parse_pod(jsonio.loads(file.read(), "pod manifest"))
        return [app.name for app in manifest.apps]

    def _app(self, name: str, status: Optional[int], why: str) -> AppRecord:
        reason = why or ("failed" if status else "exited")
        if status is None:
            reason = "unknown" if name in self.unclear else why or "unknown"
        return AppRecord(name, status, reason, self.began, time.time(), over=True)

    def end(self) -> None:
        """Nothing of the pod runs any more after this; the signals are given back."""
        if self.run and self.status is None:
            self.status = KILLED
            try:
                os.kill(self.run, signals.SIGKILL)
                os.waitpid(self.run, 0)
            except (ProcessLookupError, ChildProcessError):
                pass  # it has been ended with the others
        for number, handler in self.handlers.items():
            signals.signal(number, handler)
        if self.streams is not None:
            self.streams.end()
        for fd in (self.run_fd, self.init_fd, self.root, self.woken, self.waker):
            if fd >= 0:
                os.close(fd)
        self.watch.close()
