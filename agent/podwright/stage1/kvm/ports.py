# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of a machine's channel whose other end is a descriptor of the host, or a log.

None of them waits: what cannot be passed on stays here, no more than a window of it, and the guest
sends no more until it is gone.
"""

from __future__ import annotations

import _socket
import os
import select
import stat
import termios

from podwright.kernel import terminal, unixsocket
from podwright.stage1.kvm.channel import PIECE, Channel, Stream
from podwright.stage1.namespaces.relay import raw_mode
from podwright.stage2.logsinks import Splitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage2.logsinks import Sink

GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL
LARGEST = 65535


class Port(Stream):
    """`source`: what comes out of it goes to the guest; `sink`: what the guest sends goes there; -1: none.

    Both may be the same. They are closed with the stream.
    """

    def __init__(
        self, channel: Channel, number: int, asked: Any, source: int = -1, sink: int = -1
    ) -> None:
        super().__init__(channel, number, asked)
        self.source = source
        self.sink = sink
        self.waiting = bytearray()
        self.last = False

    def events(self) -> dict[int, int]:
        """What it waits for, by descriptor."""
        wanted: dict[int, int] = {}
        if self.source >= 0 and self.room():
            wanted[self.source] = select.POLLIN
        if self.sink >= 0 and self.waiting:
            wanted[self.sink] = wanted.get(self.sink, 0) | select.POLLOUT
        return wanted

    def ready(self, fd: int, events: int) -> None:
        """What it waits for has come."""
        if fd == self.source and events & (select.POLLIN | GONE) and self.room():
            self._read()
        if fd == self.sink and events & (select.POLLOUT | GONE):
            self.flush()

    def _read(self) -> None:
        try:
            data = self.read(min(PIECE, self.room()))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.put(data)
        else:
            self.source_ended()

    def read(self, most: int) -> bytes:
        """Read some of it without waiting."""
        return os.read(self.source, most)

    def source_ended(self) -> None:
        """Nothing more comes out of it."""
        source, self.source = self.source, -1
        if source != self.sink:
            os.close(source)
        self.end()
        self._settle()

    def on_data(self, data: bytes) -> None:
        """Pass it on."""
        if self.sink < 0:
            self.taken(len(data))
            return
        self.waiting += data
        self.flush()

    def write(self, data: bytes) -> int:
        """Write some of it without waiting."""
        return os.write(self.sink, data)

    def flush(self) -> None:
        """Write what is taken."""
        done = 0
        try:
            while self.waiting and self.sink >= 0:
                count = self.write(bytes(self.waiting[:PIECE]))
                del self.waiting[:count]
                done += count
        except BlockingIOError:
            pass
        except OSError:  # nobody reads it any more
            self.sink_lost()
            return
        if done:
            self.taken(done)
        if self.last and not self.waiting and self.sink >= 0:
            self.last = False
            self.sink_ended()

    def on_eof(self) -> None:
        """No more comes: who reads from us sees the end, when all is passed on."""
        self.last = True
        self.flush()

    def sink_lost(self) -> None:
        """Nobody reads what the guest sends."""
        self.waiting.clear()
        self.close()

    def sink_ended(self) -> None:
        """All that comes was passed on."""
        sink, self.sink = self.sink, -1
        if sink != self.source:
            os.close(sink)
        else:
            unixsocket.end_writing(sink)
        self._settle()

    def _settle(self) -> None:
        if self.source < 0 and self.sink < 0:
            self.close()

    def on_close(self) -> None:
        """The guest has closed it; what has come before is passed on as far as that goes at once."""
        if self.waiting and self.sink >= 0:
            self.flush()
        self._drop()

    def close(self) -> None:
        """Let go of everything."""
        super().close()
        self._drop()

    def _drop(self) -> None:
        for fd in {self.source, self.sink} - {-1}:
            os.close(fd)
        self.source = self.sink = -1
        self.waiting.clear()

    def pending(self) -> bool:
        """Whether something that has come is not where it belongs yet."""
        return bool(self.waiting)


class Copied(Port):
    """The sink is a socket whose other end a `copier` has, which takes nothing before it has written it."""

    def pending(self) -> bool:
        """Also what the copier still has."""
        if self.sink < 0:
            return False
        channel = _socket.socket(fileno=os.dup(self.sink))
        try:
            return bool(self.waiting) or unixsocket.unread(channel)
        finally:
            channel.close()

    def sink_ended(self) -> None:
        """The copier sees the end behind all that it has not written yet."""
        unixsocket.end_writing(self.sink)


class Own(Port):
    """Our own standard output or error, which is shared with others and so is left as it is."""

    def __init__(self, channel: Channel, number: int, asked: Any, sink: int) -> None:
        super().__init__(channel, number, asked, sink=sink)
        self._socket = stat.S_ISSOCK(os.fstat(sink).st_mode)

    def write(self, data: bytes) -> int:
        """Write some of it without waiting."""
        if not self._socket:
            return os.write(self.sink, data)
        channel = _socket.socket(fileno=os.dup(self.sink))
        try:
            return channel.send(data, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)
        finally:
            channel.close()


class Input(Port):
    """Our own standard input: others may take what had come before we could, which must not hold us up."""

    def read(self, most: int) -> bytes:
        """Read without waiting."""
        if not stat.S_ISSOCK(os.fstat(self.source).st_mode):
            return os.read(self.source, most)
        channel = _socket.socket(fileno=os.dup(self.source))
        try:
            return channel.recv(most, _socket.MSG_DONTWAIT)
        finally:
            channel.close()


def own_input(fd: int) -> int:
    """The same as `own_output`, for what we read."""
    return _own(fd, os.O_RDONLY)


def own_output(fd: int) -> int:
    """A descriptor for what we write to `fd`, which does not block where that is possible.

    Made while our /proc is the host's. A file never blocks, and keeps its position.
    """
    return _own(fd, os.O_WRONLY)


def _own(fd: int, access: int) -> int:
    mode = os.fstat(fd).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        flags = access | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{fd}", flags)
        except OSError:
            pass
    return os.dup(fd)


class Logged(Stream):
    """An output whose lines go to a log."""

    def __init__(self, channel: Channel, number: int, asked: Any, sink: Sink) -> None:
        super().__init__(channel, number, asked)
        self.sink = sink
        self.lines = Splitter()
        self.held = 0

    def on_data(self, data: bytes) -> None:
        """Pass on whole lines."""
        self.sink.put(self.lines.split(data))
        self.held += len(data)
        self.tick()

    def on_eof(self) -> None:
        """What it has written last is a line, too."""
        self.sink.put(self.lines.end())
        self.tick()

    def on_close(self) -> None:
        """The same."""
        self.on_eof()

    def tick(self) -> bool:
        """Try again what the log did not take; whether all is passed on."""
        if not self.sink.flush():
            return False
        held, self.held = self.held, 0
        if held:
            self.taken(held)
        return True


class Terminal(Port):
    """Our side of a terminal of the guest: a raw one of the host, whose master somebody else gets.

    It is a pipe that knows a size. Nobody tells us when that changes, so it is looked at.
    """

    def __init__(self, channel: Channel, number: int, asked: Any, slave: int) -> None:
        super().__init__(channel, number, asked, slave, slave)
        self.size = (0, 0)

    def look(self) -> None:
        """Tell the guest when the size has changed."""
        if self.sink < 0:
            return
        size = terminal.size(self.sink)
        if size != self.size:
            self.size = size
            self.tell({"rows": size[0], "columns": size[1]})

    def source_ended(self) -> None:
        """It was hung up."""
        self.close()

    def sink_ended(self) -> None:
        """Nobody has it open in the guest any more."""
        self.close()


def raw_pair(pts: int, rows: int = 0, columns: int = 0) -> tuple[int, int]:
    """A raw terminal: (master, slave), the latter not blocking."""
    master, slave, _ = terminal.open_pair(pts)
    termios.tcsetattr(slave, termios.TCSANOW, raw_mode(termios.tcgetattr(slave)))
    if rows or columns:
        terminal.set_size(slave, rows, columns)
    os.set_blocking(slave, False)
    return master, slave
