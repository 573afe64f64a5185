# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of the stream of `frames` between a host and its guest, which never waits for anybody.

The same on both sides. What the other side says is checked: who sends more than its window allows,
or what is no frame, says Nonsense.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.stage1.kvm import frames
from podwright.stage1.kvm.frames import WINDOW, Frame, Nonsense

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

PIECE = 1 << 16
MOST_STREAMS = 512
"""That the other side may have open."""
SPARE = WINDOW // 4
"""Bytes that are taken before the other side is told so."""


class Stream:
    """One stream; what comes of it is told to who overrides these.

    asked     what it was opened for
    sendable  bytes that the other side takes at the moment
    """

    def __init__(self, channel: Channel, number: int, asked: Any) -> None:
        self.channel = channel
        self.number = number
        self.asked = asked
        self.sendable = WINDOW
        self.open = True
        self.ending = self.ended = self.closed_there = False
        self._out = bytearray()
        self._receivable = WINDOW
        self._taken = 0

    # What comes

    def on_data(self, data: bytes) -> None:
        """Bytes came; `taken` says when they are out of the way."""
        self.taken(len(data))

    def on_tell(self, message: Any) -> None:
        """A message came."""

    def on_eof(self) -> None:
        """No more bytes come."""

    def on_close(self) -> None:
        """The other side has closed it."""

    def on_room(self) -> None:
        """More may be sent."""

    # What goes

    def room(self) -> int:
        """How many bytes may be put in without keeping any here."""
        return 0 if not self.open or self.ending else max(0, self.sendable - len(self._out))

    def put(self, data: bytes) -> None:
        """Send bytes, as soon as the other side takes them."""
        if self.open and not self.ending:
            self._out += data
            self._push()

    def tell(self, message: Any) -> None:
        """Send a message."""
        if self.open:
            self.channel.send_json(frames.TELL, message, self.number)

    def end(self) -> None:
        """No more bytes go."""
        if self.open and not self.ending:
            self.ending = True
            self._push()

    def taken(self, count: int) -> None:
        """So many of the bytes that came are out of the way."""
        self._taken += count
        if self._taken >= SPARE and self.open and not self.closed_there:
            self.channel.send(frames.GRANT, str(self._taken).encode(), self.number)
            self._receivable += self._taken
            self._taken = 0

    def close(self) -> None:
        """Be done with it in both directions."""
        if self.open:
            self.open = False
            self.channel.forget(self)
            self.channel.send(frames.CLOSE, b"", self.number)

    def _push(self) -> None:
        while self._out and self.sendable:
            size = min(len(self._out), self.sendable, PIECE)
            self.channel.send(frames.DATA, bytes(self._out[:size]), self.number)
            del self._out[:size]
            self.sendable -= size
        if self.ending and not self.ended and not self._out:
            self.ended = True
            self.channel.send(frames.EOF, b"", self.number)

    def take(self, frame: Frame) -> None:
        """A frame of this stream came. Raises Nonsense."""
        kind, data = frame.kind, frame.data
        if kind == frames.DATA:
            if self.closed_there or len(data) > self._receivable:
                raise Nonsense(f"stream {self.number} sends more than it may")
            self._receivable -= len(data)
            self.on_data(data)
        elif kind == frames.GRANT:
            self.sendable = min(self.sendable + _number(data), 2 * WINDOW)
            self._push()
            self.on_room()
        elif kind == frames.EOF:
            self.closed_there = True
            self.on_eof()
        elif kind == frames.TELL:
            self.on_tell(parsed(data))
        else:
            self.open = False
            self.channel.forget(self)
            self.on_close()


class Channel:
    """The whole. `first`: the number of our first stream, 1 or 2.

    opened   makes a stream of what the other side has opened, or None for one that is not wanted
    heard    a frame of the machine itself came
    """

    def __init__(
        self,
        fd: int,
        first: int,
        opened: Callable[[int, Any], Optional[Stream]],
        heard: Callable[[Frame], None],
    ) -> None:
        self.fd = fd
        self.first = first
        self.next = first
        self.last = 0
        self.opened = opened
        self.heard = heard
        self.streams: dict[int, Stream] = {}
        self.waiting = bytearray()
        self._decoder = frames.Decoder()
        os.set_blocking(fd, False)

    def begin(self, make: Callable[[Channel, int, Any], Stream], asked: Any) -> Stream:
        """Open a stream of ours."""
        number, self.next = self.next, self.next + 2
        self.send_json(frames.OPEN, asked, number)
        stream = self.streams[number] = make(self, number, asked)
        return stream

    def forget(self, stream: Stream) -> None:
        """It is over."""
        self.streams.pop(stream.number, None)

    def send_json(self, kind: int, message: Any, number: int = 0) -> None:
        """Send something as JSON."""
        self.send(kind, jsonio.dumps(message).encode(), number)

    def send(self, kind: int, data: bytes = b"", number: int = 0) -> None:
        """Send a frame, when there is room for it."""
        self.waiting += frames.encode(Frame(kind, number, data))
        self.flush()

    def flush(self) -> bool:
        """Pass on what goes now; whether nothing waits any more."""
        try:
            while self.waiting:
                del self.waiting[: os.write(self.fd, self.waiting[:PIECE])]
        except BlockingIOError:
            return False
        except OSError:  # reading tells that, too
            self.waiting.clear()
        return True

    def read(self) -> bool:
        """Take what has come, once; False when the other side is gone. Raises Nonsense."""
        try:
            data = os.read(self.fd, PIECE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for frame in self._decoder.feed(data):
            self._take(frame)
        return bool(data)

    def _take(self, frame: Frame) -> None:
        number = frame.stream
        if number == 0:
            self.heard(frame)
        elif frame.kind == frames.OPEN:
            self._open(frame)
        elif frame.kind not in (frames.DATA, frames.GRANT, frames.EOF, frames.CLOSE, frames.TELL):
            raise Nonsense(f"frame of kind {frame.kind} in a stream")
        elif number in self.streams:
            self.streams[number].take(frame)

    def _open(self, frame: Frame) -> None:
        number = frame.stream
        theirs = [one for one in self.streams if one % 2 != self.first % 2]
        if number % 2 == self.first % 2 or number <= self.last or len(theirs) >= MOST_STREAMS:
            raise Nonsense(f"stream {number} cannot be opened")
        self.last = number
        stream = self.opened(number, parsed(frame.data))
        if stream is None:
            self.send(frames.CLOSE, b"", number)
        else:
            self.streams[number] = stream


def parsed(data: bytes) -> Any:
    """JSON of the other side. Raises Nonsense."""
    try:
        return jsonio.loads(data, "a message", limit=frames.LONGEST)
    except Exception:  # what says why may be out of reach in a pod's root
        raise Nonsense("a message that is no JSON") from None


def _number(data: bytes) -> int:
    if not data.isdigit() or len(data) > 9:
        raise Nonsense("a window that is no number")
    return int(data)
