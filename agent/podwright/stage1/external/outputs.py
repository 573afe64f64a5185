# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage1 image and its apps write, on its way to a log.

The contract gives them our standard output and error. Where the pod's output is kept (in the journal, in
files), they get pipes, and all of it counts as the only app's, or as that of `STAGE1` where there are several.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import beneath, terminal
from podwright.stage1.namespaces import sinks as opened
from podwright.stage2.logsinks import FileSink, JournalSink, RotatedFile, Splitter, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.output import Output
    from podwright.stage1.namespaces.relay import Relay
    from podwright.stage1.namespaces.sinks import Sinks
    from podwright.stage2.logsinks import Sink

STAGE1 = "_stage1"
PIECE = 65536
SOON = 0.02
"""Seconds until a log that takes nothing is tried again."""
LAST = 5.0
"""Seconds for the journal to take the last entries."""


class Streams:
    """Standard input, output and error of `run`: a terminal of its own for an interactive pod at a terminal,
    so that nothing is done to ours; else no input, and our output by way of a pipe where that is a terminal,
    or a log.

    pid   a child of ours that copies, or 0
    """

    def __init__(self, pod: Launch) -> None:
        self.interactive = pod.interactive
        self.pump_: Optional[Pump] = open_pump(pod)
        self.output: Optional[Output] = None
        self.relay: Optional[Relay] = None
        self.slave = self.master = -1
        if pod.interactive and os.isatty(0):
            pts = os.open("/dev/pts", beneath.DIRECTORY)
            self.master, self.slave, _ = terminal.open_pair(pts)
            os.close(pts)
        elif not pod.interactive and (os.isatty(1) or os.isatty(2)):
            from podwright.stage1.namespaces.output import Output

            self.output = Output()
            self.output.start()

    @property
    def pid(self) -> int:
        """The child that copies."""
        shown = self.output or self.relay
        return shown.pid if shown is not None else 0

    def enter(self) -> None:
        """For the child that is going to be `run`, which leads a session of its own."""
        if self.slave >= 0:
            terminal.take_control(self.slave)
            for fd in range(3):
                os.dup2(self.slave, fd)
            return
        if not self.interactive:
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
        if self.output is not None:
            self.output.enter()
        if self.pump_ is not None:
            self.pump_.enter()

    def forked(self) -> None:
        """It has them now."""
        if self.slave >= 0:
            from podwright.stage1.namespaces.relay import Relay

            os.close(self.slave)
            self.slave = -1
            self.relay = Relay(self.master)
            self.relay.start()
        if self.output is not None:
            self.output.forked()
        if self.pump_ is not None:
            self.pump_.forked()

    def resized(self) -> bool:
        """Our terminal has another size now; whether `run` hears of it by that."""
        if self.relay is not None:
            self.relay.resized()
        return self.relay is not None

    def fds(self) -> list[int]:
        """What is to be read."""
        return self.pump_.fds() if self.pump_ is not None else []

    def due(self) -> float:
        """When to look again though nothing is to be read; monotonic, 0 for never."""
        return self.pump_.due() if self.pump_ is not None else 0.0

    def pump(self, ready: set[int]) -> None:
        """Pass on what has come."""
        if self.pump_ is not None:
            self.pump_.pump(ready)

    def end(self) -> None:
        """Nothing of the pod runs any more: pass on the rest."""
        if self.slave >= 0:
            os.close(self.slave)
            os.close(self.master)
        if self.pump_ is not None:
            self.pump_.end()
        for shown in (self.relay, self.output):
            if shown is not None:
                shown.end()


def open_pump(pod: Launch) -> Optional[Pump]:
    """Where the output of a pod is kept; None where it is not."""
    if pod.interactive or not (pod.log_files or "JOURNAL_STREAM" in os.environ):
        return None
    apps = pod.manifest.apps
    name = apps[0].name if len(apps) == 1 else STAGE1
    found = opened.open_for(pod, name)
    return Pump(found, name) if found is not None else None


class Pump:
    """Pipes for 1 and 2 of `run`, and what they lead to."""

    def __init__(self, sinks: Sinks, name: str) -> None:
        self.sinks = sinks
        self.lines: dict[int, Splitter] = {}
        self.targets: dict[int, Sink] = {}
        self.writers: dict[int, int] = {}
        file = RotatedFile(sinks.files[name], sinks.max_size) if name in sinks.files else None
        for fd, stream in opened.STREAMS.items():
            if file is None and stream not in sinks.journaled:
                continue
            reader, self.writers[fd] = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reader, False)
            self.lines[reader] = Splitter()
            if file is not None:
                self.targets[reader] = FileSink(file, stream)
            elif sinks.journal is not None:
                self.targets[reader] = JournalSink(sinks.journal, name, stream, sinks.fields)

    def enter(self) -> None:
        """For the child that is going to be `run`."""
        for fd, writer in self.writers.items():
            os.dup2(writer, fd)

    def forked(self) -> None:
        """It has them now."""
        for writer in self.writers.values():
            os.close(writer)
        self.writers = {}

    def fds(self) -> list[int]:
        """What is to be read."""
        return [fd for fd in self.lines if self.targets[fd].flush()]

    def due(self) -> float:
        """When a log is to be tried again that took nothing; monotonic, 0 for never."""
        stuck = any(not sink.flush() for sink in self.targets.values())
        return time.monotonic() + SOON if stuck else 0.0

    def pump(self, ready: set[int]) -> None:
        """Pass on what has come."""
        for fd in [fd for fd in self.lines if fd in ready]:
            self._read(fd)

    def _read(self, fd: int) -> bool:
        """Whether there may be more."""
        try:
            data = os.read(fd, PIECE)
        except BlockingIOError:
            return False
        lines = self.lines[fd]
        self.targets[fd].put(lines.split(data) if data else lines.end())
        if not data:
            os.close(fd)
            del self.lines[fd]
        return bool(data)

    def end(self) -> None:
        """The pod has ended: pass on the rest."""
        self.forked()
        for fd in list(self.lines):
            while self._read(fd):
                pass
            if fd in self.lines:
                self.targets[fd].put(self.lines.pop(fd).end())
                os.close(fd)
        until = time.monotonic() + LAST
        while not all(sink.flush() for sink in self.targets.values()) and time.monotonic() < until:
            time.sleep(SOON)
        if self.sinks.journal is not None:
            settle(self.sinks.journal, until)
        self.sinks.close()
