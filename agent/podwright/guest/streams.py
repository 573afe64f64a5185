# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptors of the pod at one end, streams of the channel at the other.

What comes out of a descriptor is sent as far as the host's window and the channel go; what the host
sends waits here for whoever reads it, and is granted again when that has happened.
"""

from __future__ import annotations

import os
import select

from podwright.kernel import terminal, unixsocket
from podwright.stage1.kvm import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.guest.channel import Channel

PIECE = 1 << 15
AT_ONCE = 8
"""Pieces of one stream before another one has its turn."""
LARGEST = 65535


class Stream:
    """One of them. `source`: we read from it, or -1; `sink`: we write to it, or -1; both may be the same.

    of       the control stream that it belongs to
    ours     of the pod's own: its end is waited for before the pod's
    """

    def __init__(
        self,
        channel: Channel,
        number: int,
        source: int = -1,
        sink: int = -1,
        of: int = 0,
        ours: bool = False,
    ) -> None:
        self.channel = channel
        self.number = number
        self.source = source
        self.sink = sink
        self.of = of
        self.ours = ours
        self.over = False
        self.lost = False
        self._window = frames.WINDOW
        self._waiting = bytearray()
        self._taken = 0
        self._ending = False
        for fd in {source, sink} - {-1}:
            os.set_blocking(fd, False)

    # To the host

    def may_send(self) -> bool:
        """Whether the host takes more."""
        return self.lost or (self._window > 0 and self.channel.roomy())

    def pump(self) -> bool:
        """Pass on what there is; False when there may be more."""
        for _ in range(AT_ONCE):
            if self.source < 0:
                return True
            if not self.may_send():
                return False
            try:
                data = os.read(self.source, PIECE if self.lost else min(PIECE, self._window))
            except BlockingIOError:
                return True
            except OSError:  # a terminal that nobody has open any more
                data = b""
            if not data:
                self._ended()
            elif not self.lost:
                self._window -= len(data)
                self.channel.send(frames.DATA, self.number, data)
        return self.source < 0

    def granted(self, amount: int) -> None:
        """The host takes so much more."""
        self._window += amount

    def _ended(self) -> None:
        """Nothing more comes out of it."""
        source, self.source = self.source, -1
        if source != self.sink:
            os.close(source)
        if not self.lost:
            self.channel.send(frames.EOF, self.number)
        self._settle()

    # From the host

    def put(self, data: bytes) -> None:
        """The host sent something."""
        if self.sink >= 0 and not self._ending:
            self._waiting += data
            self.flush()

    def end(self) -> None:
        """Nothing more comes from the host."""
        self._ending = True
        self.flush()

    def flush(self) -> None:
        """Write what is taken; grant as much again."""
        try:
            while self._waiting and self.sink >= 0:
                done = os.write(self.sink, self._waiting)
                del self._waiting[:done]
                self._taken += done
        except BlockingIOError:
            pass
        except OSError:  # nobody reads it any more
            self._unread()
            return
        if self._taken >= frames.WINDOW // 2:
            self.channel.send(frames.GRANT, self.number, b"%d" % self._taken)
            self._taken = 0
        if self._ending and not self._waiting and self.sink >= 0:
            self._shut()

    def _unread(self) -> None:
        self._waiting.clear()
        if self.source < 0:
            self.close()
            self.channel.send(frames.CLOSE, self.number)
        else:
            self._ending = True
            self._shut()

    def _shut(self) -> None:
        """Who reads from us sees the end."""
        sink, self.sink = self.sink, -1
        if sink != self.source:
            os.close(sink)
        else:
            unixsocket.end_writing(sink)
        self._settle()

    # Both

    def events(self) -> dict[int, int]:
        """What it waits for, by descriptor."""
        wanted: dict[int, int] = {}
        if self.source >= 0 and self.may_send():
            wanted[self.source] = select.POLLIN
        if self.sink >= 0 and self._waiting:
            wanted[self.sink] = wanted.get(self.sink, 0) | select.POLLOUT
        return wanted

    def told(self, said: Any) -> None:
        """A message of the host's: how large its terminal is."""
        fd = self.sink if self.sink >= 0 else self.source
        rows, columns = int(said.get("rows", 0)), int(said.get("columns", 0))
        if fd >= 0 and os.isatty(fd) and 0 <= rows <= LARGEST and 0 <= columns <= LARGEST:
            terminal.set_size(fd, rows, columns)

    def dropped(self) -> None:
        """The host has closed it. An app of ours goes on writing, to nobody; what is said to be all is read."""
        unread = self._ending and self._waiting and self.sink >= 0
        if unread or (self.ours and self.source >= 0 and self.sink < 0):
            self.lost = True
        else:
            self.close()

    def close(self) -> None:
        """Let go of everything."""
        for fd in {self.source, self.sink} - {-1}:
            os.close(fd)
        self.source = self.sink = -1
        self.over = True

    def _settle(self) -> None:
        if self.source < 0 and self.sink < 0:
            self.over = True
