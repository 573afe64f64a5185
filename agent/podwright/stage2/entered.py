# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that a client of the control socket has PID 1 start in an app (`podwright enter`).

It is started as the app's own processes are, so it is confined as they are. Its end is reported on
the connection; when the connection ends first, the process and all its descendants are hung up,
and killed a moment later.

Request, by fields:
  spawn  app, "privileged" or "", which of 0 1 2 are a new terminal ("012"), how its
         family is found (`family`), rows, columns, number of variables, variables (NAME=VALUE), words of the
         command line (none: a shell)
         with descriptors: those of 0 1 2 that are no terminal, the family's, cgroup files to join
  spawn-as  the same with USER:GROUP:DIRECTORY in place of "privileged" (`someone`); a verb of its own,
         so that a PID 1 that does not know it refuses instead of starting the process as the app's user
  signal number
Answers: `started` with the terminal's master if there is one, or `failed` with a status and a
sentence; then `exited` with the status.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import beneath, process, signals, terminal
from podwright.stage1.namespaces import program
from podwright.stage1.namespaces.identity import ROOT
from podwright.stage2 import app as apps
from podwright.stage2 import someone
from podwright.stage2.control import FAILED, MOST_FDS, NEVER, Control, Gone, Refused
from podwright.stage2.family import EXTRA, Family
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage2.control import Client

SPAWN = "spawn"
SPAWN_AS = "spawn-as"
SIGNAL = "signal"
STARTED = "started"
EXITED = "exited"

SHELLS = ("/bin/bash", "/bin/sh")
GRACE = 2.0
"""Seconds between SIGHUP and SIGKILL for what a client has left behind."""
AGAIN = 0.2
"""Seconds until what is still there is killed once more."""
PRIVILEGED = "privileged"
LARGEST = 65535
"""Rows or columns of a terminal."""


def control(server: int, targets: list[apps.Target], mapped: bool) -> Control:
    """Serve the pod's control socket (`mapped`: see there)."""
    spawner = Spawner({target.plan.name: target for target in targets})
    return Control(server, {SPAWN: spawner.spawn, SPAWN_AS: spawner.spawn_as}, mapped)


class Terminal:
    """A terminal of the app's own devpts, until the client has it; path "" = none."""

    def __init__(self, target: apps.Target, rows: int, columns: int) -> None:
        root = os.open(target.root, beneath.DIRECTORY)
        try:
            pts = beneath.open_strict(root, "dev/pts", beneath.DIRECTORY)
        finally:
            os.close(root)
        try:
            self.master, self.slave, number = terminal.open_pair(pts)
        finally:
            os.close(pts)
        self.path = f"/dev/pts/{number}"
        terminal.set_size(self.master, rows, columns)

    def close(self) -> None:
        """Let it go: the client has the one end, the process the other."""
        os.close(self.master)
        os.close(self.slave)


class Entered:
    """One process of a client; a task of `control.Control`."""

    def __init__(
        self,
        client: Client,
        target: apps.Target,
        path: str,
        started: apps.Started,
        tty: list[Terminal],
        family: Family,
    ) -> None:
        self.client = client
        self.target = target
        self.path = path
        self.pid = started.pid
        self.pipe = started.pipe
        self.tty = tty
        self.family = family
        self.over = False
        self.left = False
        self.failed = False
        self.kill_at = NEVER
        self._data = b""
        self.tick()

    def asked(self, message: list[str]) -> None:
        """`signal`: to the process and its group, as a terminal would."""
        number = int(message[1]) if message[0] == SIGNAL and len(message) == 2 else 0
        if not 0 < number < 65:
            raise Gone
        if self.pid:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:  # it has not made its session yet
                os.kill(self.pid, number)

    def gone(self) -> None:
        """The client has gone: so does the process."""
        if self.left:
            return
        self.left = True
        if not self.over:
            self.family.signal(signals.SIGHUP)
            self.family.signal(signals.SIGCONT)
            self.kill_at = time.monotonic() + GRACE
            self.tick()

    def tick(self) -> None:
        """Learn whether it has executed its program; kill what was left behind."""
        if self.pipe >= 0:
            self._learn()
        if self.left and not self.over:
            if time.monotonic() >= self.kill_at:
                self.family.kill()
                self.kill_at = time.monotonic() + AGAIN
            if not self.family.members():
                self._finish()

    def ended(self, pid: int, status: int) -> bool:
        """It was reaped."""
        if pid != self.pid:
            return False
        if self.pipe >= 0:
            self._learn()
        self.pid = self.family.pid = 0
        if self.left:
            self.tick()
            return True
        if not self.failed:
            self._tell(EXITED, str(status))
        if not self.left:
            self._finish()
        return True

    def due(self) -> float:
        """When what was left behind is to be killed."""
        return self.kill_at

    def _learn(self) -> None:
        """Read the pipe that closes on exec; what comes out of it says why there was none."""
        try:
            while True:
                piece = os.read(self.pipe, 4096)
                if not piece:
                    break
                self._data += piece
        except BlockingIOError:
            return
        os.close(self.pipe)
        self.pipe = -1
        if self._data:
            self._explain()
        else:
            self._tell(STARTED, fds=tuple(tty.master for tty in self.tty))
        for tty in self.tty:
            tty.close()
        self.tty = []

    def _explain(self) -> None:
        self.failed = True
        err = apps.failure(self._data)
        if not err.executing:
            text = f"cannot be entered: {safe(err.strerror)}"
            self._tell(FAILED, str(apps.SETUP_FAILED), text)
            return
        why = program.explain(self.target.root, self.path, err.errno or 0)
        self._tell(FAILED, str(apps.EXEC_FAILED), f"cannot execute {safe(self.path, 120)}: {why}")

    def _tell(self, kind: str, *fields: str, fds: tuple[int, ...] = ()) -> None:
        try:
            if not self.left:
                self.client.reply(kind, *fields, fds=fds)
        except Gone:
            self.gone()

    def _finish(self) -> None:
        self.over = True
        self.kill_at = NEVER
        self.family.close()


class Spawner:
    """Makes tasks of `spawn` requests."""

    def __init__(self, targets: dict[str, apps.Target]) -> None:
        self.targets = targets

    def spawn_as(self, client: Client, fields: list[str]) -> Entered:
        """Start a process as another user, or in another directory. Raises as `spawn` does."""
        return self.spawn(client, fields, other=True)

    def spawn(self, client: Client, fields: list[str], other: bool = False) -> Entered:
        """Start a process. Raises Refused, or Gone for a request that makes no sense."""
        try:
            name, mode, which, kind, *rest = fields
            rows, columns, count = (int(text) for text in rest[:3])
            words = rest[3 : 3 + count]
            more = tuple((key, text) for key, _, text in (word.partition("=") for word in words))
            argv = tuple(rest[3 + count :])
            wish = someone.parse(mode) if other else None
        except (TypeError, ValueError):
            raise Gone from None
        if name not in self.targets:
            raise Refused(f"it has no app {safe(name, 60)}")
        target = self.targets[name]
        passed = [number for number in range(3) if str(number) not in which]
        first = len(passed) + EXTRA.get(kind, MOST_FDS)
        sane = 0 <= rows <= LARGEST and 0 <= columns <= LARGEST and count >= 0
        if len(client.fds) < first or not sane:
            raise Gone
        identity = target.identity
        if wish is not None:
            target, identity = someone.become(target, wish)
        elif mode == PRIVILEGED:
            target, identity = privileged(target), ROOT
        path, argv = _find(target, argv)
        given: dict[int, int] = dict(zip(passed, client.fds))
        extra, joins = tuple(client.fds[len(passed) : first]), tuple(client.fds[first:])
        own = replace(target, joins=joins or target.joins)
        tty = [Terminal(target, rows, columns)] if which else []
        stdio = apps.Stdio(
            given.get(0), given.get(1), given.get(2), tty[0].path if tty else "", bool(tty)
        )
        try:
            started = apps.spawn(own, path, argv, identity, stdio, more)
        except OSError as err:
            for one in tty:
                one.close()
            raise Refused(f"cannot be entered: {safe(err.strerror)}") from None
        client.fds = []
        for fd in (*given.values(), *joins):
            os.close(fd)
        family = Family(started.pid, kind, extra)
        return Entered(client, target, path, started, tty, family)


def _find(target: apps.Target, argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The program's path and the command line; without one, a shell of the image."""
    root = os.open(target.root, beneath.DIRECTORY)
    search = dict(target.plan.environment).get("PATH", "")
    why = ""
    try:
        for words in (argv,) if argv else tuple((shell,) for shell in SHELLS):
            path, why = program.find(root, words[0], target.plan.directory, search)
            if path:
                return path, words
    finally:
        os.close(root)
    if not argv:
        why = "its image has neither /bin/bash nor /bin/sh: say what to execute"
        raise Refused(why, apps.EXEC_FAILED)
    raise Refused(f"cannot execute {safe(argv[0], 120)}: {why}", apps.EXEC_FAILED)


def privileged(target: apps.Target) -> apps.Target:
    """The app as root of the pod, with every capability that PID 1 has and no filter."""
    restrictions = replace(
        target.plan.restrictions, capabilities=None, no_new_privileges=False, profile=None
    )
    plan = replace(target.plan, restrictions=restrictions)
    return replace(target, plan=plan, capabilities=process.permitted(), drop=(), filter=b"")
