# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the apps of a pod read and write, where that is not simply what the pod's launcher has (B11).

An app writes to a pipe, which it may open again as /dev/stdout, or to a terminal of its own, and
PID 1 passes it on: to a log (`logsinks`), and to who is attached (`attached`). PID 1 never waits
for a client: who does not read misses something, and is told so. It waits for a log that takes
nothing at the moment, as the app then does, too. Loaded only for pods that need it.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import beneath, terminal, unixsocket
from podwright.model.streams import LOG, NULL, PLAIN, STREAM, TTY
from podwright.stage2.app import Stdio
from podwright.stage2.appstate import MAIN, NEVER, OVER, PRE_START
from podwright.stage2.logsinks import FileSink, JournalSink, RotatedFile, Splitter, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional, Protocol

    from podwright.model.streams import Streams as Choice
    from podwright.stage1.namespaces.sinks import Sinks
    from podwright.stage2.app import Target
    from podwright.stage2.appstate import App
    from podwright.stage2.attached import Attached
    from podwright.stage2.control import Client, Control
    from podwright.stage2.logsinks import Sink
    from podwright.stage2.supervise import Supervisor

    class Listener(Protocol):
        """Who is attached to an output."""

        def take(self, data: bytes) -> None:
            """Pass some output on, or miss it."""


WRITE_ONLY = 0o222
"""Mode of a pipe for output: every user of the app may open it again, and nobody read it."""
READ_ONLY = 0o444
PIECE = 16384
AT_ONCE = 32
"""Pieces of one output that are passed on before anything else is looked at."""
SOON = 0.02
"""Seconds until what could not be passed on is tried again."""
LAST = 2.0
"""Seconds for a log that takes nothing, when the pod has ended."""
TAKEN = 5.0
"""Seconds for the journal to take the last entries of a pod that has ended."""
MOST_INPUT = 1 << 16


class Output:
    """One output of an app: what comes out of `fd` goes to the sink and to all listeners."""

    def __init__(self, fd: int, sink: Optional[Sink] = None) -> None:
        self.fd = fd
        self.sink = sink
        self.lines: Splitter = getattr(sink, "lines", None) or Splitter()
        self.listeners: list[Listener] = []
        self.held = False
        unixsocket.notify(fd)

    def pump(self) -> bool:
        """Pass on what there is; whether there may be more."""
        for _ in range(AT_ONCE):
            self.held = self.sink is not None and not self.sink.flush()
            if self.held:
                return False
            try:
                data = os.read(self.fd, PIECE)
            except OSError:  # nothing there, or a terminal that nobody has open
                return False
            if not data:
                return False
            for listener in self.listeners:
                listener.take(data)
            if self.sink is not None:
                self.sink.put(self.lines.split(data))
        return True

    def rest(self) -> None:
        """The app's life has ended: what it has written last is a line, too."""
        for _ in range(2):  # more than a pipe holds; who goes on writing does not keep us
            if not self.pump():
                break
        if self.sink is not None:
            self.sink.put(self.lines.end())

    def stuck(self) -> bool:
        """Whether the sink takes nothing at the moment, or took nothing when we last came with something.

        A pipe that was left full then says nothing by itself.
        """
        return self.held or (self.sink is not None and not self.sink.flush())


class Input:
    """An app's standard input, or what is typed at its terminal; bytes wait here for its attention."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.waiting = b""
        self.ending = False
        os.set_blocking(fd, False)

    def room(self) -> int:
        """How much may be put in."""
        return 0 if self.ending else max(0, MOST_INPUT - len(self.waiting))

    def put(self, data: bytes) -> None:
        """What somebody has sent."""
        self.waiting += data
        self.flush()

    def flush(self) -> bool:
        """Pass on what the app takes; whether all is passed on."""
        try:
            while self.waiting and self.fd >= 0:
                self.waiting = self.waiting[os.write(self.fd, self.waiting) :]
        except BlockingIOError:
            return False
        except OSError:
            self.waiting = b""
        if self.ending and self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        return True

    def end(self) -> None:
        """Nothing more comes: the app is to see the end."""
        self.ending = True
        self.flush()


class AppStreams:
    """Those of one app, from its first start to its end for good."""

    def __init__(self, target: Target, choice: Choice, sinks: Sinks, null: int) -> None:
        self.target = target
        self.choice = choice
        self.null = null
        self.outputs: dict[str, Output] = {}
        self.inputs: dict[str, Input] = {}
        self.size = (0, 0)
        self._given: dict[str, Optional[int]] = {}
        self._slave = -1
        self._path = ""
        self._made = False
        self._writers: list[int] = []
        self._sinks = sinks
        self._file: Optional[RotatedFile] = None

    def attachable(self) -> tuple[str, ...]:
        """What can be attached to."""
        return self.choice.attachable()

    def stdio(self, phase: int) -> Stdio:
        """What a program of the app gets. Each main program has an input, and a terminal, of its own."""
        for output in self.outputs.values():
            output.rest()  # of the program before this one
        if phase == MAIN or not self._made:
            self._renew()
        quiet = phase not in (MAIN, PRE_START)
        fds: list[Optional[int]] = []
        for name in ("stdin", "stdout", "stderr"):
            fd = self._given.get(name, -1)
            away = (quiet and fd is None) or (name == "stdin" and fd is not None and phase != MAIN)
            fds.append(self.null if away else len(fds) if fd == -1 else fd)
        uses = not quiet and None in self._given.values()
        path = self._path if uses else ""
        return Stdio(fds[0], fds[1], fds[2], path, uses and phase == MAIN)

    def _renew(self) -> None:
        """Make what the next program gets; outputs that are pipes go on."""
        modes = {name: getattr(self.choice, name) for name in ("stdin", "stdout", "stderr")}
        if TTY in modes.values():
            self._terminal(modes)
        for name in ("stdout", "stderr"):
            if not self._made and modes[name] != TTY:
                self._given[name] = self._output(name, modes[name])
        if modes["stdin"] == NULL:
            self._given["stdin"] = self.null
        elif modes["stdin"] == STREAM:
            self._stdin()
        self._made = True

    def _output(self, name: str, mode: str) -> int:
        """The descriptor for an output; -1: PID 1's own."""
        if mode == NULL:
            return self.null
        sink = self._sink(name) if mode == LOG else None
        if mode == LOG and sink is None:
            return -1
        reader, writer = os.pipe()
        os.fchmod(writer, WRITE_ONLY)
        self.outputs[name] = Output(reader, sink)
        self._writers.append(writer)
        return writer

    def _sink(self, name: str) -> Optional[Sink]:
        if self._sinks.own is not None:
            return self._sinks.own(self.target.plan.name, name)
        files = self._sinks.files.get(self.target.plan.name)
        if files is not None:
            if self._file is None:
                self._file = RotatedFile(files, self._sinks.max_size)
            return FileSink(self._file, name)
        if self._sinks.journal is None or name not in self._sinks.journaled:
            return None
        return JournalSink(self._sinks.journal, self.target.plan.name, name, self._sinks.fields)

    def _stdin(self) -> None:
        """A new pipe; what was sent and not read is lost with the program that did not read it."""
        before = self.inputs.get("stdin")
        if before is not None and before.fd >= 0:
            os.close(before.fd)
        old = self._given.get("stdin")
        if old is not None:
            os.close(old)
        reader, writer = os.pipe()
        os.fchmod(reader, READ_ONLY)
        self._given["stdin"] = reader
        self.inputs["stdin"] = Input(writer)

    def _terminal(self, modes: dict[str, str]) -> None:
        """A new terminal in the app's devpts; who is attached to the old one is at this one then."""
        root = os.open(self.target.root, beneath.DIRECTORY)
        try:
            pts = beneath.open_strict(root, "dev/pts", beneath.DIRECTORY)
        finally:
            os.close(root)
        try:
            master, slave, number = terminal.open_pair(pts)
        finally:
            os.close(pts)
        if self.size != (0, 0):
            terminal.set_size(master, *self.size)
        listeners: list[Listener] = []
        before = self.outputs.get("tty-out")
        if before is not None:
            listeners = before.listeners
            os.close(before.fd)
            os.close(self._slave)
        self._slave, self._path = slave, f"/dev/pts/{number}"
        self.outputs["tty-out"] = Output(master)
        self.outputs["tty-out"].listeners = listeners
        if modes["stdin"] == TTY:
            self.inputs["tty-in"] = Input(master)
        self._given.update({name: None for name, mode in modes.items() if mode == TTY})

    def close(self) -> None:
        """The app was removed."""
        fds = {output.fd for output in self.outputs.values()}
        fds |= {each.fd for each in self.inputs.values()} | {self._slave} | set(self._writers)
        reader = self._given.get("stdin") if self.choice.stdin == STREAM else None
        fds |= set() if reader is None else {reader}
        for output in self.outputs.values():
            output.rest()
        for fd in fds - {-1}:
            os.close(fd)

    def resize(self, rows: int, columns: int) -> None:
        """Somebody who is attached has a terminal of this size."""
        self.size = (rows, columns)
        if "tty-out" in self.outputs:
            terminal.set_size(self.outputs["tty-out"].fd, rows, columns)


class Streams:
    """Those of all apps of a pod."""

    def __init__(self, pod: Supervisor, sinks: Sinks, null: int) -> None:
        self.pod = pod
        self.sinks = sinks
        self.null = null
        self.of: dict[str, AppStreams] = {}
        self.tasks: list[Attached] = []
        self.more = False
        self.again = NEVER

    def stdio(self, app: App) -> Stdio:
        """What the program of an app gets that is about to be started."""
        own = self.of.get(app.name)
        if own is None or own.target.plan is not app.plan:  # another app of that name was there
            if own is not None:
                own.close()
            choice = app.life.streams or PLAIN
            own = self.of[app.name] = AppStreams(app.target, choice, self.sinks, self.null)
        return own.stdio(app.phase)

    def turn(self) -> None:
        """Pass on what has come. Called whenever anything has happened, and when `due`."""
        self.more, self.again = False, NEVER
        for streams in self.of.values():
            for output in streams.outputs.values():
                self.more = output.pump() or self.more
            for each in streams.inputs.values():
                each.flush()

    def due(self) -> float:
        """When `turn` is wanted without a signal (monotonic)."""
        if self.more:
            return 0.0
        if not self._waits():
            self.again = NEVER
        elif self.again == NEVER:  # else it was further away whenever somebody asked
            self.again = time.monotonic() + SOON
        return self.again

    def _waits(self) -> bool:
        return any(
            any(output.stuck() for output in streams.outputs.values())
            or any(each.waiting for each in streams.inputs.values())
            for streams in self.of.values()
        )

    def ended(self, name: str) -> Optional[App]:
        """The app of this name when it has ended for good; what it has written is passed on."""
        app = self.over(name)
        if app is not None and name in self.of:
            for output in self.of[name].outputs.values():
                output.rest()
        return app

    def over(self, name: str) -> Optional[App]:
        """The app of this name when it has ended for good."""
        return next((app for app in self.pod.apps if app.name == name and app.phase == OVER), None)

    def finish(self) -> None:
        """The pod has ended: pass on the last of it, as far as a log takes it in a moment."""
        self._pass_on_the_rest()
        if self.sinks.journal is not None:
            settle(self.sinks.journal, time.monotonic() + TAKEN)

    def _pass_on_the_rest(self) -> None:
        until = time.monotonic() + LAST
        while True:
            for streams in self.of.values():
                for output in streams.outputs.values():
                    output.rest()
            for task in self.tasks:
                task.tick()
            self.tasks = [task for task in self.tasks if not task.over]
            if time.monotonic() >= until or not (self.tasks or self.due() != NEVER):
                return
            time.sleep(SOON)


class Joined:
    """The pod's control, with the streams before it: what has come is passed on first."""

    def __init__(self, streams: Streams, control: Control) -> None:
        self.streams = streams
        self.control = control

    def signalled(self) -> None:
        """Some descriptor is ready."""
        self.streams.turn()
        self.control.signalled()

    def ended(self, pid: int, status: int) -> bool:
        """A child ended."""
        return self.control.ended(pid, status)

    def due(self) -> float:
        """When something is wanted without a signal."""
        return min(self.streams.due(), self.control.due())


def join(
    supervisor: Supervisor,
    control: Control,
    sinks: Sinks,
    null: int,
    attach: Optional[Callable[[Streams, Client, list[str]], Attached]],
) -> None:
    """Give the apps of a pod that is about to begin their streams.

    attach   `attached.attach`, which is not loaded where there is nothing to attach to
    """
    streams = Streams(supervisor, sinks, null)
    supervisor.starter.streams = streams
    if attach is not None:
        control.verbs["attach"] = lambda client, fields: attach(streams, client, fields)
    supervisor.control = Joined(streams, control)
