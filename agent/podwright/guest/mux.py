# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's first process at work: passes on what the pod and its host say to each other.

Nobody is waited for alone: each stream goes as far as its reader lets it. What the pod reports is
passed on at once, but for its last word, which comes when all of its output is on the way.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from podwright import jsonio
from podwright.guest.channel import NEVER
from podwright.guest.streams import Stream
from podwright.kernel import machine, signals
from podwright.stage1.kvm import frames
from podwright.stage1.kvm.protocol import CONTROL, PASSED
from podwright.stage1.namespaces import link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional, Union

    from podwright.guest.channel import Channel
    from podwright.guest.clients import Client
    from podwright.guest.pod import Running
    from podwright.stage1.kvm.frames import Frame

    Party = Union[Stream, "Client"]

LAST = (link.DONE, link.FAILED)
HASTE = 2.0
"""Seconds for the last output, when somebody asks for the end."""
HOST = "what the host says"
LARGEST = 4096
FIRST = 2
"""The guest's first stream; the host's are odd."""


class Mux:
    """Runs until the pod has ended, and all of it is said.

    go       called with what the host says when the network is there
    look     sees whether there is still a host; says when it is to be called again, raises HungUp
    """

    def __init__(
        self,
        channel: Channel,
        running: Running,
        go: Callable[[Any], None],
        look: Optional[Callable[[float], float]] = None,
    ) -> None:
        self.channel = channel
        self.running = running
        self.go = go
        self.look = look or channel.look
        self.streams: dict[int, Party] = {}
        self.next = FIRST
        self.hurry = 0.0
        self._report = b""
        self._last: Optional[bytes] = None
        os.set_blocking(running.report, False)

    def open(self, what: str, source: int = -1, sink: int = -1, **said: Any) -> None:
        """Begin a stream of ours. `of` among what is said about it: the control stream it belongs to."""
        number, self.next = self.next, self.next + 2
        data = jsonio.dumps({"for": what, **said}).encode()
        self.channel.send(frames.OPEN, number, data)
        of = int(said.get("of", 0))
        self.streams[number] = Stream(self.channel, number, source, sink, of, ours=not of)

    def run(self, came: list[Frame]) -> None:
        """Until the end. `came`: frames that were read before. Raises HungUp."""
        for frame in came:
            self._take(frame)
        while not self._over():
            self._wait()
            self._turn()
        if self._last is not None:
            self.channel.send(frames.REPORT, 0, self._last)

    def _over(self) -> bool:
        """Whether PID 1 has ended, and all that it and its apps have written is on the way."""
        if self.running.report >= 0 or self.running.pid:
            return False
        if self.hurry and time.monotonic() >= self.hurry:
            return True
        return all(
            one.over or not isinstance(one, Stream) or not one.ours or one.source < 0
            for one in self.streams.values()
        )

    def _wait(self) -> None:
        wait = select.poll()
        wait.register(self.channel.fd, self.channel.events())
        if self.channel.roomy():
            for fd in (self.running.report, self.running.outer):
                if fd >= 0:
                    wait.register(fd, select.POLLIN)
        if self.running.pid:
            wait.register(self.running.pidfd, select.POLLIN)
        for one in self.streams.values():
            for fd, events in one.events().items():
                wait.register(fd, events)
        now = time.monotonic()
        due = min(self.hurry or NEVER, self.look(now))
        wait.poll(max(0.0, due - now) * 1000 if due < NEVER else None)

    def _turn(self) -> None:
        """Look at everybody once."""
        self.channel.flush()
        for frame in self.channel.receive():
            self._take(frame)
        self._outer()
        self._reports()
        self._reap()
        for one in list(self.streams.values()):
            if not one.over:
                one.flush()
            if not one.over:
                one.pump()
        self.streams = {number: one for number, one in self.streams.items() if not one.over}
        self.channel.flush()

    # From the pod

    def _reports(self) -> None:
        """Lines of PID 1."""
        while self.running.report >= 0:
            try:
                data = os.read(self.running.report, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                os.close(self.running.report)
                self.running.report = -1
                return
            *lines, self._report = (self._report + data).split(b"\n")
            for line in lines:
                if line.startswith(tuple(word.encode() for word in LAST)):
                    self._last = line
                else:
                    self.channel.send(frames.REPORT, 0, line)

    def _outer(self) -> None:
        """What is for the host's service manager."""
        while self.running.outer >= 0:
            channel = _socket.socket(fileno=os.dup(self.running.outer))
            try:
                data = channel.recv(LARGEST, _socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            finally:
                channel.close()
            if not data:
                os.close(self.running.outer)
                self.running.outer = -1
                return
            self.channel.send(frames.OUTER, 0, data)

    def _reap(self) -> None:
        if self.running.pid and os.waitpid(self.running.pid, os.WNOHANG)[0]:
            self.running.pid = 0
            os.close(self.running.pidfd)

    # From the host

    def _take(self, frame: Frame) -> None:
        if frame.kind == frames.SIGNAL:
            self._signal(int(frame.data))
        elif frame.kind == frames.GO:
            self.go(jsonio.loads(frame.data, HOST))
        elif frame.kind == frames.CLOCK:
            machine.set_clock(int(frame.data))
        elif frame.kind == frames.OPEN:
            self._opened(frame.stream, jsonio.loads(frame.data, HOST))
        elif frame.stream in self.streams:
            self._within(self.streams[frame.stream], frame)

    def _within(self, one: Party, frame: Frame) -> None:
        if one.over:
            return
        if frame.kind == frames.DATA:
            one.put(frame.data)
        elif frame.kind == frames.GRANT:
            one.granted(int(frame.data))
        elif frame.kind == frames.CLOSE:
            one.dropped()
        elif isinstance(one, Stream) and frame.kind == frames.EOF:
            one.end()
        elif isinstance(one, Stream) and frame.kind == frames.TELL:
            one.told(jsonio.loads(frame.data, HOST))

    def _signal(self, number: int) -> None:
        if self.running.pid:
            os.kill(self.running.pid, number)
        elif number in (signals.SIGTERM, signals.SIGINT, signals.SIGQUIT) and not self.hurry:
            self.hurry = time.monotonic() + HASTE

    def _opened(self, number: int, said: Any) -> None:
        """A client of the pod's control socket, or a descriptor that it hands over."""
        from podwright.guest.clients import Client

        if said["for"] == CONTROL:
            try:
                self.streams[number] = Client(self, number, self.running.groups)
            except OSError:  # it has just ended
                self.channel.send(frames.CLOSE, number)
        elif said["for"] == PASSED:
            owner = self.streams.get(int(said["of"]))
            if isinstance(owner, Client) and not owner.over:
                self.streams[number] = owner.passed(number, said["way"])
            else:
                self.channel.send(frames.CLOSE, number)
