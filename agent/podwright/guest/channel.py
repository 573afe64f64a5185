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


class HungUp(Exception):
    """The host has gone."""


class Channel:
    """Frames to and from the host over `fd`, which does not block."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._decoder = Decoder()
        self._out = bytearray()
        self._came: list[Frame] = []

    def send(self, kind: int, stream: int = 0, data: bytes = b"") -> None:
        """Say something, as soon as the host listens."""
        self._out += frames.encode(Frame(kind, stream, data))

    def waiting(self) -> int:
        """Bytes that have not left yet."""
        return len(self._out)

    def roomy(self) -> bool:
        """Whether more may be put on its way."""
        return len(self._out) < MUCH

    def flush(self) -> bool:
        """Send what the host takes; whether nothing waits any more. Raises HungUp."""
        while self._out:
            try:
                done = os.write(self.fd, self._out[:AT_ONCE])
            except BlockingIOError:
                return False
            except OSError as err:
                raise HungUp(err.strerror) from None
            del self._out[:done]
        return True

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
        return self._decoder.feed(data)

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
            events = select.POLLIN | (0 if self.flush() else select.POLLOUT)
            wait = select.poll()
            wait.register(self.fd, events)
            left = until - time.monotonic()
            if left <= 0 or not wait.poll(left * 1000):
                raise HungUp("the host says nothing")
            self._came += self.receive()
        return self._came.pop(0)

    def left(self) -> list[Frame]:
        """What came together with the last frame that was waited for."""
        came, self._came = self._came, []
        return came
