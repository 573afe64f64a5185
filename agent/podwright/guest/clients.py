# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the pod's control socket that are on the host: their lines pass through here.

The descriptors that a line carries are ends of streams; those of control groups are made here, since a
client's own are the host's (`kvm.protocol`). A line of the pod's is passed on when all is that its
process has written before.
"""

from __future__ import annotations

import os
import select

from podwright.guest.boot import RUN
from podwright.guest.streams import Stream
from podwright.host.cgrouptree import leaf
from podwright.host.ownedgroup import OwnedGroup
from podwright.kernel import unixsocket
from podwright.stage1.kvm import frames
from podwright.stage1.kvm.protocol import BOTH, IN, TERMINAL
from podwright.stage1.namespaces import link
from podwright.stage2.control import MOST_BYTES, NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.guest.mux import Mux

SPAWNS = (b"spawn\t", b"spawn-as\t")
KIND = 4
"""Which word of them says how its family is found (`stage2.entered`)."""
PIECE = 1 << 15


class Client:
    """One of them; its stream's number is `number`."""

    def __init__(self, mux: Mux, number: int, groups: str) -> None:
        self.mux = mux
        self.number = number
        self.groups = groups
        self.channel = _connected()
        self.over = False
        self._window = frames.WINDOW
        self._line = b""
        self._passed: list[int] = []
        self._out: list[tuple[bytes, tuple[int, ...]]] = []
        self._group: Optional[OwnedGroup] = None
        self._leaving = False
        self._heard: Optional[tuple[bytes, tuple[int, ...]]] = None

    # From the host

    def passed(self, number: int, way: str) -> Stream:
        """A descriptor that the next line carries; its stream."""
        if way == BOTH:
            ours, theirs = unixsocket.pair()
            self._passed.append(theirs.detach())
            fd = ours.detach()
            return Stream(self.mux.channel, number, fd, fd, of=self.number)
        reader, writer = os.pipe()
        self._passed.append(reader if way == IN else writer)
        if way == IN:
            return Stream(self.mux.channel, number, sink=writer, of=self.number)
        return Stream(self.mux.channel, number, source=reader, of=self.number)

    def put(self, data: bytes) -> None:
        """Bytes of the client's lines."""
        *lines, self._line = (self._line + data).split(b"\n")
        self.mux.channel.send(frames.GRANT, self.number, b"%d" % len(data))
        for line in lines:
            fds, self._passed = tuple(self._passed), []
            if line.startswith(SPAWNS):
                line, fds = self._spawn(line, fds)
            self._out.append((line + b"\n", fds))
        if len(self._line) > MOST_BYTES:
            self.close()
        self.flush()

    def _spawn(self, line: bytes, fds: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
        fields = link.decode(line)
        if len(fields) <= KIND:
            return line, fds
        place = f"{self.groups}/{fields[1]}"
        self._group = OwnedGroup(
            [leaf(place)] if _is_name(fields[1]) and os.path.isdir(place) else []
        )
        fields[KIND] = self._group.kind
        more = [os.dup(fd) for fd in (*self._group.family, *self._group.files)]
        return link.encode(*fields)[:-1], (*fds, *more)

    def flush(self) -> None:
        """Pass on what PID 1 takes."""
        try:
            while self._out:
                data, fds = self._out[0]
                done = unixsocket.send(self.channel, data, fds)
                for fd in fds:
                    os.close(fd)
                self._out[0] = (data[done:], ())
                if done == len(data):
                    del self._out[0]
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def granted(self, amount: int) -> None:
        """The host takes so much more."""
        self._window += amount

    # To the host

    def pump(self) -> None:
        """Pass on what PID 1 says, with what it hands over.

        First it is heard: then all that its process has written before is there, and goes before it.
        """
        while not self.over and self._window > 0 and self.mux.channel.roomy():
            if self._heard is None:
                self._heard = self._listen()
            if self._heard is None or not self._drained():
                return
            (data, fds), self._heard = self._heard, None
            if not data:
                self.close()
                self.mux.channel.send(frames.CLOSE, self.number)
                return
            for fd in fds:
                self.mux.open(TERMINAL, fd, fd, of=self.number)
            self._window -= len(data)
            self.mux.channel.send(frames.DATA, self.number, data)

    def _drained(self) -> bool:
        """Pass on all that is there; False when the host has to take some of it first, and so wakes us."""
        mine = [one for one in self.mux.streams.values() if isinstance(one, Stream)]
        mine = [one for one in mine if one.of == self.number and not one.lost]
        while not all([one.pump() for one in mine]):  # noqa: C419 -- each of them
            if not all(one.may_send() for one in mine if one.source >= 0):
                return False
        return True

    def _listen(self) -> Optional[tuple[bytes, tuple[int, ...]]]:
        """What PID 1 says; nothing at its end; None when it says nothing now."""
        try:
            data, fds = unixsocket.receive(self.channel, min(PIECE, self._window))
        except BlockingIOError:
            return None
        except OSError:
            return b"", ()
        return data, tuple(fds)

    def events(self) -> dict[int, int]:
        """What it waits for."""
        wanted = select.POLLOUT if self._out else 0
        if self._heard is None and self._window > 0 and self.mux.channel.roomy():
            wanted |= select.POLLIN
        return {self.channel.fileno(): wanted} if wanted else {}

    def dropped(self) -> None:
        """The client has gone."""
        self.close()

    def close(self) -> None:
        """The connection is over."""
        if self.over:
            return
        self.over = True
        self.channel.close()
        for fd in (*self._passed, *(fd for _, fds in self._out for fd in fds)):
            os.close(fd)
        for fd in self._heard[1] if self._heard is not None else ():
            os.close(fd)
        self._passed, self._out, self._heard = [], [], None
        if self._group is not None:
            self._group.end()


def _connected() -> _socket.socket:
    directory = os.open(RUN, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        channel = unixsocket.connect(directory, NAME)
    finally:
        os.close(directory)
    channel.setblocking(False)
    return channel


def _is_name(text: str) -> bool:
    return bool(text) and "/" not in text and not text.startswith(".")
