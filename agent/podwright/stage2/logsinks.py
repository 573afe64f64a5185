# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of apps on their way to a log: the journal's entries, or lines of a file (B11).

A file has lines as Kubernetes has them: time, stream, F for a whole line or P for a part of one,
and the text. What an app writes can forge neither: the journal's fields carry their length, and
every line of a file begins with what we put there.
"""

from __future__ import annotations

import _socket
import os
import time

from podwright.kernel import fs, logfile, unixsocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Where lines go."""

        def put(self, lines: list[tuple[bytes, bool]]) -> None:
            """Take lines: each with its text, and whether it ends there."""

        def flush(self) -> bool:
            """Pass on what could not be yet; whether all is."""


PRIORITIES = {"stdout": "6", "stderr": "5"}
"""info and notice: told apart, and no alarm, since much is written to stderr that is no error."""
LONGEST = 16384
"""Bytes of a line that is passed on whole."""
MOST_BYTES = 1 << 16
"""Of a message to the journal."""
SHORTEST, LONGEST_PAUSE = 0.0005, 0.02
"""Seconds between two looks whether the journal has taken everything."""


class Splitter:
    """Bytes to lines. Keeps the beginning of a line until its end comes, or it becomes too long."""

    def __init__(self) -> None:
        self.rest = b""

    def split(self, data: bytes) -> list[tuple[bytes, bool]]:
        """The lines that have come; whether each ends there."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        out = [piece for line in whole for piece in _pieces(line)]
        while len(self.rest) >= LONGEST:
            out.append((self.rest[:LONGEST], False))
            self.rest = self.rest[LONGEST:]
        return out

    def end(self) -> list[tuple[bytes, bool]]:
        """The line that has no end."""
        rest, self.rest = self.rest, b""
        return [(rest, True)] if rest else []


def _pieces(line: bytes) -> list[tuple[bytes, bool]]:
    if len(line) <= LONGEST:
        return [(line, True)]
    starts = range(0, len(line), LONGEST)
    return [(line[at : at + LONGEST], at + LONGEST >= len(line)) for at in starts]


def field(name: str, text: bytes) -> bytes:
    """A field of an entry (systemd's Native Journal Protocol)."""
    return name.encode() + b"\n" + len(text).to_bytes(8, "little") + text + b"\n"


class JournalSink:
    """Entries of one stream of an app."""

    def __init__(
        self, channel: _socket.socket, app: str, stream: str, fields: tuple[tuple[str, str], ...]
    ) -> None:
        self.channel = channel
        self.fallback = 1 if stream == "stdout" else 2
        own = (
            ("PRIORITY", PRIORITIES[stream]),
            ("SYSLOG_IDENTIFIER", app),
            ("PODWRIGHT_APP", app),
            ("PODWRIGHT_STREAM", stream),
        )
        self.common = b"".join(field(name, text.encode()) for name, text in (*own, *fields))
        self.waiting: list[bytes] = []

    def put(self, lines: list[tuple[bytes, bool]]) -> None:
        """Send them, several in one message."""
        for text, whole in lines:
            part = b"" if whole else field("PODWRIGHT_PARTIAL", b"1")
            entry = self.common + part + field("MESSAGE", text)
            if self.waiting and len(self.waiting[-1]) + len(entry) < MOST_BYTES:
                self.waiting[-1] += b"\n" + entry
            else:
                self.waiting.append(entry)
        self.flush()

    def flush(self) -> bool:
        """Send what the journal takes. When it has gone for good, our own output is what is left."""
        while self.waiting:
            try:
                self.channel.send(self.waiting[0], _socket.MSG_NOSIGNAL)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as err:
                self._lost(f"podwright: the journal does not take this log: {err.strerror}\n")
            del self.waiting[0]
        return True

    def _lost(self, why: str) -> None:
        try:
            os.write(self.fallback, why.encode("ascii", "replace"))
        except OSError:
            return


def settle(channel: _socket.socket, until: float) -> None:
    """Wait until the journal has taken in all that was sent to it, or until then (monotonic).

    It looks up the unit of a sender by its process when it reads an entry: of a process that has
    ended by then, nobody can tell any more whose the entry is. It takes one message after the other
    and ignores an empty one; when that is received, all before it have been taken in.
    """
    pause, sent = SHORTEST, False
    while time.monotonic() < until:
        try:
            if not sent:
                channel.send(b"", _socket.MSG_NOSIGNAL)
                sent = True
            if not unixsocket.unread(channel):
                return
        except (BlockingIOError, InterruptedError):
            pass  # its queue is full
        except OSError:
            return  # it has gone
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


class FileSink:
    """A file of an app, and those where it is put aside when it is full."""

    def __init__(self, file: RotatedFile, stream: str) -> None:
        self.file = file
        self.stream = stream.encode()

    def put(self, lines: list[tuple[bytes, bool]]) -> None:
        """Write them, with the time of now."""
        head = data = b""
        for text, whole in lines:
            head = head or b"%s %s " % (stamp(self.file.now()), self.stream)
            data += head + (b"F " if whole else b"P ") + text + b"\n"
            if len(data) > LONGEST:
                self.file.write(data)
                head = data = b""
        if data:
            self.file.write(data)

    def flush(self) -> bool:
        """All is written at once."""
        return True


class RotatedFile:
    """Written by us only, at its end. `places`: the next one to be put aside to, first."""

    def __init__(self, fds: tuple[int, ...], max_size: int) -> None:
        self.fd = fds[0]
        self.places = list(fds[1:])
        self.max_size = max_size
        self.size = os.fstat(self.fd).st_size
        self.lost = 0
        self.last = 0

    def now(self) -> int:
        """A time for what is written next, later than all before: a file is known by its first one."""
        self.last = max(time.time_ns(), self.last + 1)
        return self.last

    def write(self, data: bytes) -> None:
        """Append; a disk that is full loses what is written to it, and stops no app."""
        if self.size + len(data) > self.max_size:
            self._put_aside()
        if self.lost:
            data = b"%s%s stderr F podwright: %d bytes of this log were lost\n%s" % (
                b"\n" if self.size else b"",  # a part of a line may have been written
                stamp(self.now()),
                self.lost,
                data,
            )
        try:
            fs.write_all(self.fd, data)
            self.size += len(data)
            self.lost = 0
        except OSError:
            self.size = os.fstat(self.fd).st_size
            self.lost += len(data)

    def _put_aside(self) -> None:
        try:
            if self.places:
                self.places.append(self.places.pop(0))
                logfile.put_aside(self.fd, self.places[-1])
            else:
                logfile.empty(self.fd)
        except OSError:
            self.lost += self.size
            logfile.empty(self.fd)
        self.size = 0


def stamp(nanoseconds: int) -> bytes:
    """A time as RFC 3339 in UTC, with nanoseconds."""
    whole, rest = divmod(nanoseconds, 10**9)
    return b"%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)).encode(), rest)
