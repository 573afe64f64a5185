# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One try of a probe over TCP, in the middle of PID 1's other duties: it never waits.

What answers is the app, which may be anybody's: no more than a few kilobytes of it are read, and
nothing of it is believed but the three digits of the status.
"""

from __future__ import annotations

import _socket
import errno
import os

from podwright.kernel import unixsocket
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.probe import Probe

MOST = 10240
"""Bytes of an answer that are waited for; who says more has answered."""
LONGEST_LINE = 1024
_GOING_ON = (errno.EINPROGRESS, errno.EALREADY)
_DONE = (0, errno.EISCONN)


class TcpTry:
    """Good when the port accepts."""

    def __init__(self, probe: Probe, address: str) -> None:
        self.target = (probe.address or address, int(probe.port))
        family = _socket.AF_INET6 if ":" in self.target[0] else _socket.AF_INET
        self.socket = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        self.socket.setblocking(False)
        unixsocket.notify(self.socket.fileno())
        self.connected = False

    def poll(self) -> Optional[str]:
        """ "" when it was good, why it was not, or None as long as that is open."""
        if not self.connected:
            code = self.socket.connect_ex(self.target)
            if code in _GOING_ON:
                return None
            if code not in _DONE:
                return f"{self.target[0]} port {self.target[1]}: {os.strerror(code)}"
            self.connected = True
        return self.talk()

    def talk(self) -> Optional[str]:
        """The same, once there is a connection."""
        return ""

    def late(self, seconds: float) -> str:
        """What to say when the time is over."""
        return f"{'nothing answered' if self.connected else 'no connection'} within {seconds:g} s"

    def close(self) -> None:
        """Let go of it."""
        self.socket.close()


class HttpTry(TcpTry):
    """Good when a GET request is answered with a status from 200 to 399, completely."""

    def __init__(self, probe: Probe, address: str) -> None:
        super().__init__(probe, address)
        self.request = request(probe, self.target[0])
        self.answer = b""

    def talk(self) -> Optional[str]:
        """Send what can be sent, and read what is there."""
        try:
            while self.request:
                sent = self.socket.send(self.request, _socket.MSG_NOSIGNAL)
                self.request = self.request[sent:]
            while True:
                piece = self.socket.recv(4096)
                self.answer += piece
                if not piece or complete(self.answer):
                    return verdict(self.answer)
        except BlockingIOError:
            return None
        except OSError as err:
            return f"the connection failed: {err.strerror}"

    def late(self, seconds: float) -> str:
        """What to say when the time is over."""
        if not self.answer:
            return super().late(seconds)
        return f"the answer was not complete within {seconds:g} s"


def request(probe: Probe, address: str) -> bytes:
    """The bytes of the request (RFC 9112)."""
    shown = f"[{address}]" if ":" in address else address
    host = probe.host or (shown if probe.port == "80" else f"{shown}:{probe.port}")
    given = {name.lower() for name, _ in probe.headers}
    plain = (("User-Agent", "podwright-probe"), ("Accept", "*/*"))
    lines = [f"GET {probe.path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {text}" for name, text in plain if name.lower() not in given]
    lines += [f"{name}: {text}" for name, text in probe.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def complete(answer: bytes) -> bool:
    """Whether nothing more needs to be read; who says nothing of a length ends the connection."""
    if len(answer) >= MOST or (len(answer) > LONGEST_LINE and b"\n" not in answer[:LONGEST_LINE]):
        return True
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, text = line.partition(b":")
        if name.strip().lower() == b"content-length" and text.strip().isdigit():
            return len(body) >= int(text.strip()[:9])
    return head[9:12] in (b"204", b"304")


def verdict(answer: bytes) -> str:
    """ "" for a good answer, or what is wrong with it."""
    line = answer[:LONGEST_LINE].partition(b"\n")[0].rstrip(b"\r")
    if not answer:
        return "the connection was closed without an answer"
    protocol, _, rest = line.partition(b" ")
    digits = rest[:3]
    if not protocol.startswith(b"HTTP/1.") or len(digits) != 3 or not digits.isdigit():
        return f"the answer is not HTTP: {safe(line, 60)}"
    return "" if 200 <= int(digits) < 400 else f"HTTP {safe(rest, 80)}"
