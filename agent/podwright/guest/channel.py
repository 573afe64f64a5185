# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's end of the channel: frames in and out, without ever waiting but where `wait` is called."""

from __future__ import annotations

import os
import select
import time

from podwright.stage1.kvm import frames
from podwright.stage1.kvm.frames import Decoder, Frame

PIECE = 1 << 16
AT_ONCE = 1 << 15
"""Bytes of one write: virtio-serial takes no more."""
MUCH = 1 << 17
"""Bytes on their way out, with which nothing more is read from the pod."""
AGAIN = 0.001
NEVER = float("inf")
WINDOW = 1 << 18
"""Bytes that may be on their way where the device keeps what nobody reads, and would lose it in the end."""
EACH = 10.0
"""Seconds after which somebody who says nothing is asked whether he is there."""
UNANSWERED = 3
"""How often he is not, before he is thought to be gone."""


class HungUp(Exception):
    """The host has gone."""


class Channel:
    """Frames to and from the host over `fd`, which does not block.

    window  for a device that tells neither what has been read nor that nobody is there any more: so
            many bytes go out before the host has answered a PING that follows earlier ones; 0: it tells
    """

    def __init__(self, fd: int, window: int = 0) -> None:
        self.fd = fd
        self.window = window
        self._queued = self._marked = self._read = 0
        self._pings: list[int] = []
        self._heard = True
        self._unanswered = 0
        self._look = 0.0
        self._decoder = Decoder()
        self._out = bytearray()
        self._came: list[Frame] = []

    def send(self, kind: int, stream: int = 0, data: bytes = b"") -> None:
        """Say something, as soon as the host listens."""
        frame = frames.encode(Frame(kind, stream, data))
        self._out += frame
        self._queued += len(frame)
        if self.window and self._queued - self._marked >= self.window // 2:
            self._ping()

    def _ping(self) -> None:
        self._marked = self._queued
        self._pings.append(self._queued)
        self.send(frames.PING)

    def look(self, now: float) -> float:
        """See whether the host is there, where its end does not tell; when to look again. Raises HungUp.

        How often nobody answers is counted, not how long: a machine may have been paused meanwhile.
        """
        if not self.window:
            return NEVER
        if now >= self._look:
            self._look = now + EACH
            self._unanswered = 0 if self._heard else self._unanswered + 1
            self._heard = False
            if self._unanswered > UNANSWERED:
                raise HungUp("the host does not answer")
            if not self._pings:
                self._ping()
        return self._look

    def heard(self) -> bool:
        """Whether the host has said anything since the last look."""
        return self._heard

    def waiting(self) -> int:
        """Bytes that have not left yet."""
        return len(self._out)

    def roomy(self) -> bool:
        """Whether more may be put on its way."""
        return len(self._out) < MUCH

    def flush(self) -> bool:
        """Send what the host takes; whether nothing waits any more. Raises HungUp."""
        while self._out:
            most = self._room()
            if not most:
                return False
            try:
                done = os.write(self.fd, self._out[:most])
            except BlockingIOError:
                return False
            except OSError as err:
                raise HungUp(err.strerror) from None
            del self._out[:done]
        return True

    def _room(self) -> int:
        """Bytes that may go now."""
        if not self.window:
            return AT_ONCE
        on_their_way = self._queued - len(self._out) - self._read
        return max(0, min(AT_ONCE, self.window - on_their_way))

    def events(self) -> int:
        """What is waited for: that something comes, and that what is to go can."""
        return select.POLLIN | (select.POLLOUT if self._out and self._room() else 0)

    def receive(self) -> list[Frame]:
        """What has come by now. Raises HungUp; Nonsense for what is no frame."""
        try:
            data = os.read(self.fd, PIECE)
        except BlockingIOError:
            return []
        except OSError as err:
            raise HungUp(err.strerror) from None
        if not data:
            raise HungUp("the host has closed the channel")
        self._heard = True
        came = self._decoder.feed(data)
        return [frame for frame in came if not self._answered(frame)] if self.window else came

    def _answered(self, frame: Frame) -> bool:
        """Whether it is an answer to a PING: then what was sent before that has been read."""
        if frame.kind != frames.PONG:
            return False
        if self._pings:
            self._read = self._pings.pop(0)
        return True

    def connected(self, until: float) -> None:
        """Wait until the host has its end open. Raises HungUp."""
        wait = select.poll()
        wait.register(self.fd, select.POLLOUT)
        while any(events & select.POLLHUP for _, events in wait.poll(0)):
            if time.monotonic() >= until:
                raise HungUp("nobody has opened the channel")
            time.sleep(AGAIN)

    def wait(self, until: float) -> Frame:
        """The next frame; sends what there is meanwhile. Raises HungUp."""
        while not self._came:
            self.flush()
            wait = select.poll()
            wait.register(self.fd, self.events())
            left = until - time.monotonic()
            if left <= 0 or not wait.poll(left * 1000):
                raise HungUp("the host says nothing")
            self._came += self.receive()
        return self._came.pop(0)

    def left(self) -> list[Frame]:
        """What came together with the last frame that was waited for."""
        came, self._came = self._came, []
        return came
