# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of a pod's control socket that takes part in an app's input and output (B11).

Each thing that it is attached to is a socket of its own, whose other end PID 1 has
(`stage2.attached`). A stream is shown at a terminal with escapes in place of what that would obey;
what a program sends to a terminal of its own is passed on as it is, since that is what it is for.
"""

from __future__ import annotations

import _socket
import os
import select

from podwright.errors import LaunchError
from podwright.kernel import signals, terminal, unixsocket
from podwright.stage1.namespaces import link
from podwright.stage1.namespaces.enter import connect, send
from podwright.stage1.namespaces.relay import raw_mode
from podwright.stage2 import attached
from podwright.stage2.control import FAILED
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

PIECE = 65536
SHOWN_AT = {"stdout": 1, "stderr": 2, "tty-out": 1}
ENDING = (signals.SIGTERM, signals.SIGHUP, signals.SIGINT, signals.SIGQUIT)


@value
class Request:
    """What to attach to: `names` are some of stdin, stdout, stderr, tty-in, tty-out.

    keys   typed at a terminal they end this, and not the app; `hint` tells about them
    """

    pod: str
    app: str
    names: tuple[str, ...]
    keys: bytes
    hint: str = ""


class _Left(Exception):
    """We go, and the app stays; with the status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Keys:
    """Finds the keys to detach in what is typed."""

    def __init__(self, keys: bytes) -> None:
        self.keys = keys
        self.held = b""

    def pass_on(self, data: bytes) -> tuple[bytes, bool]:
        """What goes to the app, and whether the keys were typed. A beginning of them is held back."""
        out = b""
        for byte in (data[at : at + 1] for at in range(len(data))):
            self.held += byte
            while self.held and not self.keys.startswith(self.held):
                out, self.held = out + self.held[:1], self.held[1:]
            if self.keys and self.held == self.keys:
                return out, True
        return out, False


class Session:
    """From the request until the app's end, or until we go. Signals end it; must be in the main thread."""

    def __init__(self, request: Request, told: Callable[[str], None]) -> None:
        self.request = request
        self.told = told
        self.typed = next((name for name in request.names if name in attached.INPUTS), "")
        self.outputs: dict[int, tuple[_socket.socket, str]] = {}
        self.input: Optional[_socket.socket] = None
        self.waiting = b""
        self.reading = bool(self.typed)
        self.keys = Keys(request.keys)
        self.status: Optional[int] = None
        self.before: list[Any] = []
        self.handlers: dict[int, Any] = {}
        self.decoders: dict[str, Any] = {}
        self.data = b""

    def run(self, pod_dir: str) -> int:
        """The status of the app, or 0 when the keys were typed. Raises LaunchError."""
        channel = connect(pod_dir, self.request.pod)
        self.channel = channel
        theirs = []
        for name in self.request.names:
            ours, other = unixsocket.pair()
            theirs.append(other)
            if name in attached.INPUTS:
                self.input = ours
                ours.setblocking(False)
            else:
                self.outputs[ours.fileno()] = (ours, name)
        request = self.request
        size = [str(n) for n in self._size()]
        data = link.encode(attached.ATTACH, request.app, ",".join(request.names), *size)
        send(channel, data, tuple(each.fileno() for each in theirs))
        for each in theirs:
            each.close()
        try:
            self._handle()
            while self.status is None or self.outputs:
                self._wait()
            return self.status
        except _Left as left:
            return left.status
        finally:
            self._end()

    def _size(self) -> tuple[int, int]:
        """Of our terminal, when the app is to have the same."""
        tty = next((name for name in self.request.names if name.startswith("tty")), "")
        shown = next((fd for fd in (1, 0) if tty and os.isatty(fd)), None)
        return terminal.size(shown) if shown is not None else (0, 0)

    def _handle(self) -> None:
        def leave(number: int, _frame: object) -> None:
            raise _Left(128 + number)

        def resized(_number: int, _frame: object) -> None:
            rows, columns = self._size()
            if rows:
                send(self.channel, link.encode(attached.RESIZE, str(rows), str(columns)))

        for number in ENDING:
            self.handlers[number] = signals.signal(number, leave)
        self.handlers[signals.SIGWINCH] = signals.signal(signals.SIGWINCH, resized)
        self.handlers[signals.SIGPIPE] = signals.signal(signals.SIGPIPE, signals.SIG_IGN)

    def _begin_typing(self) -> None:
        """Make our terminal raw: what is typed is for the app's terminal."""
        if self.typed == "tty-in" and os.isatty(0):
            import termios

            self.before = termios.tcgetattr(0)
            termios.tcsetattr(0, termios.TCSADRAIN, raw_mode(self.before))
            if self.request.hint:
                self.told(self.request.hint)
                if os.isatty(2):
                    os.write(2, b"\r")  # which the end of a line does not include any more

    def _end(self) -> None:
        for number, handler in self.handlers.items():
            signals.signal(number, handler)
        if self.before:
            import termios

            termios.tcsetattr(0, termios.TCSADRAIN, self.before)
        self.channel.close()

    def _wait(self) -> None:
        """Wait for anything, and pass it on."""
        poll = select.poll()
        if self.status is None:
            poll.register(self.channel.fileno(), select.POLLIN)
        for fd in self.outputs:
            poll.register(fd, select.POLLIN)
        if self.input is not None and self.waiting:
            poll.register(self.input.fileno(), select.POLLOUT)
        elif self.reading and self.status is None:
            poll.register(0, select.POLLIN)
        for fd, _ in poll.poll():
            if fd in self.outputs:
                self._show(fd)
            elif fd == self.channel.fileno():
                self._hear()
            elif fd == 0:
                self._read()
            else:
                self._send()

    def _show(self, fd: int) -> None:
        channel, name = self.outputs[fd]
        try:
            data = channel.recv(PIECE)
        except OSError:
            data = b""
        if not data:
            del self.outputs[fd]
            channel.close()
        target = SHOWN_AT[name]
        if name != "tty-out" and os.isatty(target):
            data = self._escaped(name, data)
        try:
            while data:
                data = data[os.write(target, data) :]
        except BrokenPipeError:
            raise _Left(0) from None

    def _escaped(self, name: str, data: bytes) -> bytes:
        """With escapes in place of all that a terminal obeys, but for tabs and ends of lines."""
        import codecs

        if name not in self.decoders:
            make = codecs.getincrementaldecoder("utf-8")
            self.decoders[name] = make("backslashreplace")
        text: str = self.decoders[name].decode(data, not data)
        return "".join(each if each in "\t\n" else safe(each) for each in text).encode()

    def _hear(self) -> None:
        piece, fds = unixsocket.receive(self.channel, PIECE)
        for fd in fds:
            os.close(fd)
        *lines, self.data = (self.data + piece).split(b"\n")
        for line in lines:
            self._message(link.decode(line))
        if not piece and self.status is None:
            raise LaunchError(f"pod {self.request.pod} has ended", object=self.request.pod)

    def _message(self, message: list[str]) -> None:
        kind, *fields = message
        if kind == FAILED:
            raise LaunchError(f"app {self.request.app}: {fields[1]}", object=self.request.app)
        if kind == attached.ATTACHED:
            self._begin_typing()
        elif kind == attached.MISSED:
            self.told(f"{fields[1]} bytes of {fields[0]} were missed: they came faster than read")
        elif kind == attached.ENDED:
            self.status = int(fields[0]) if fields[0] else 0

    def _read(self) -> None:
        try:
            data = os.read(0, PIECE)
        except OSError:
            data = b""
        if not data:
            self.reading = False
            if self.typed == "stdin" and self.input is not None:
                send(self.channel, link.encode(attached.EOF))
                self.input.shutdown(_socket.SHUT_WR)
            return
        left = False
        if os.isatty(0):
            data, left = self.keys.pass_on(data)
        self.waiting += data
        self._send()
        if left:
            raise _Left(0)

    def _send(self) -> None:
        assert self.input is not None
        try:
            while self.waiting:
                sent = self.input.send(self.waiting, _socket.MSG_NOSIGNAL)
                self.waiting = self.waiting[sent:]
        except BlockingIOError:
            return
        except OSError:
            self.waiting, self.reading = b"", False
