# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of Xenstore, the database by which domains of Xen and who serves their devices find each other
(docs/misc/xenstore.txt of Xen, public/io/xs_wire.h). It speaks to the daemon of dom0 over its socket.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import struct
import time

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

SOCKETS = ("/run/xenstored/socket", "/var/run/xenstored/socket")
DIRECTORY, READ, WATCH, BEGIN, COMMIT, WRITE, MKDIR, RM, SET_PERMS = 1, 2, 4, 6, 7, 11, 12, 13, 14
WATCH_EVENT, ERROR = 15, 16
HEAD = struct.Struct("=IIII")
MOST = 4096
"""Bytes of one message, besides its head."""


class Store:
    """One connection. Raises OSError with what the daemon says, and FileNotFoundError where it is not."""

    def __init__(self, paths: Iterable[str] = SOCKETS) -> None:
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        paths = tuple(paths)
        try:
            self.socket.connect(next((path for path in paths if os.path.exists(path)), paths[0]))
        except OSError:
            self.socket.close()
            raise
        self.events: list[tuple[str, str]] = []
        self.transaction = 0
        self._number = 0
        self._had = b""

    def fileno(self) -> int:
        """What becomes readable when a watch has fired, and `events` is empty."""
        return self.socket.fileno()

    def close(self) -> None:
        """End the connection, and with it its watches and a transaction that is not committed."""
        self.socket.close()

    def read(self, path: str) -> Optional[str]:
        """The text of a node; None where there is none."""
        try:
            return self._ask(READ, path.encode() + b"\0").decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def children(self, path: str) -> list[str]:
        """Names of the nodes below a node; none where that is not there."""
        try:
            names = self._ask(DIRECTORY, path.encode() + b"\0").split(b"\0")
        except FileNotFoundError:
            return []
        return [name.decode("utf-8", "replace") for name in names if name]

    def write(self, path: str, text: str) -> None:
        """Make or change a node."""
        step("xenstore write")
        self._ask(WRITE, path.encode() + b"\0" + text.encode())

    def permit(self, path: str, permissions: tuple[str, ...]) -> None:
        """Who may do what with a node: the owner first, such as ("n0", "r7")."""
        step("xenstore set_perms")
        self._ask(SET_PERMS, b"".join(one.encode() + b"\0" for one in (path, *permissions)))

    def remove(self, path: str) -> None:
        """Remove a node with all below it; one that is not there is no error."""
        step("xenstore rm")
        try:
            self._ask(RM, path.encode() + b"\0")
        except FileNotFoundError:
            return

    def watch(self, path: str, token: str) -> None:
        """Let changes at and below a node be told in `events`, as (path, token); once at once."""
        self._ask(WATCH, path.encode() + b"\0" + token.encode() + b"\0")

    def begin(self) -> None:
        """What follows is done at once, by `commit`."""
        self.transaction = int(self._ask(BEGIN, b"\0").rstrip(b"\0"))

    def commit(self) -> bool:
        """Whether it was done; else somebody else has changed something meanwhile: begin again."""
        try:
            self._ask(COMMIT, b"T\0")
        except OSError as err:
            if err.errno == errno.EAGAIN:
                return False
            raise
        finally:
            self.transaction = 0
        return True

    def wait(self, seconds: float) -> list[tuple[str, str]]:
        """Events, those that are there already, or the next within this time; none after it."""
        until = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLIN)
        while not self.events and poll.poll(max(0.0, until - time.monotonic()) * 1000):
            self.take()
        found, self.events = self.events, []
        return found

    def take(self) -> None:
        """Take what has come, once, when there is something."""
        self._fill()
        while self._next() is not None:
            continue

    def _ask(self, kind: int, data: bytes) -> bytes:
        if len(data) > MOST:
            raise OSError(errno.E2BIG, "a message for xenstored is too long")
        self._number += 1
        head = HEAD.pack(kind, self._number, self.transaction, len(data))
        self.socket.sendall(head + data)
        while True:
            found = self._next()
            if found is None:
                self._fill()
                continue
            told, number, said = found
            if number != self._number:
                continue  # of a question whose answer nobody waited for
            if told == ERROR:
                name = said.rstrip(b"\0").decode("ascii", "replace")
                code = getattr(errno, name, errno.EIO)
                raise OSError(code, f"xenstored: {os.strerror(code)}", _shown(data))
            return said

    def _next(self) -> Optional[tuple[int, int, bytes]]:
        """The next answer that has come whole; events go where they belong."""
        while len(self._had) >= HEAD.size:
            kind, number, _, length = HEAD.unpack_from(self._had)
            if len(self._had) < HEAD.size + length:
                return None
            data = self._had[HEAD.size : HEAD.size + length]
            self._had = self._had[HEAD.size + length :]
            if kind != WATCH_EVENT:
                return kind, number, data
            path, token, *_ = data.decode("utf-8", "replace").split("\0")
            self.events.append((path, token))
        return None

    def _fill(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise OSError(errno.ECONNRESET, "xenstored has gone away")
        self._had += data


def _shown(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace")
