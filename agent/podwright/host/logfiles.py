# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in files, in the form of Kubernetes, while somebody writes and rotates them.

A file is rotated by a copy of it to one beside it, after which it is empty and begins anew; so it
is known by the time of its first line.
"""

from __future__ import annotations

import heapq
import os
import time

from podwright.errors import HostError
from podwright.host.logread import Line
from podwright.kernel import ownpath
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, BinaryIO, Optional

    from podwright.host.logread import Query

HEAD = 30
"""Bytes of a time: 2026-01-02T03:04:05.000000006Z."""
TRIES = 5
BETWEEN = 0.1


def of_directory(path: str) -> dict[str, str]:
    """The files of a directory: app -> its file."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return {}
    return {name[:-4]: f"{path}/{name}" for name in names if name.endswith(".log")}


def parse(data: bytes, app: str) -> Optional[Line]:
    """A line of a file; None for what is none."""
    stamp, _, rest = data.partition(b" ")
    stream, _, rest = rest.partition(b" ")
    flag, _, text = rest.partition(b" ")
    when = nanoseconds(stamp)
    if when is None or stream not in (b"stdout", b"stderr") or flag not in (b"F", b"P"):
        return None
    return Line(when, app, stream.decode(), text, flag == b"F")


def nanoseconds(stamp: bytes) -> Optional[int]:
    """The time that `logsinks.stamp` has written."""
    import calendar

    try:
        whole = time.strptime(stamp[:19].decode("ascii"), "%Y-%m-%dT%H:%M:%S")
        return calendar.timegm(whole) * 10**9 + int(stamp[20:29])
    except (ValueError, UnicodeDecodeError):
        return None


class File:
    """One app's file with those beside it. `head` and `at`: up to where it was read."""

    def __init__(self, app: str, path: str) -> None:
        self.app = app
        self.path = path
        self.head = b""
        self.at = 0

    def more(self) -> list[bytes]:
        """What was written since the last time, in whole lines."""
        for _ in range(TRIES):
            found = self._more()
            if found is not None:
                return found
        return []

    def _more(self) -> Optional[list[bytes]]:
        """None when it was rotated meanwhile."""
        head = _head(self.path)
        if not head:
            return []
        out: list[bytes] = []
        if head != self.head:
            for other, path in self._others(head):
                data, _ = _read(path, self.at if other == self.head else 0)
                out += data
        start = self.at if head == self.head else 0
        data, end = _read(self.path, start)
        if _head(self.path) != head:
            return None
        self.head, self.at = head, end
        return out + data

    def _others(self, before: bytes) -> list[tuple[bytes, str]]:
        """Files put aside since we have read, oldest first, each once."""
        found: dict[bytes, str] = {}
        number = 1
        while os.path.lexists(f"{self.path}.{number}"):
            head = _head(f"{self.path}.{number}")
            if head and self.head <= head < before:
                found[head] = f"{self.path}.{number}"
            number += 1
        return sorted(found.items())


def _open(path: str) -> BinaryIO:
    """A file that only root or we can have put there: a pod's own writer made it."""
    try:
        return os.fdopen(ownpath.open_file(path, os.O_RDONLY), "rb")
    except PermissionError as err:
        raise HostError(
            f"log {safe(path, 200)} cannot be read: {err.strerror}",
            "find out who has put it there",
            object=safe(path, 200),
        ) from None


def _head(path: str) -> bytes:
    """The time of a file's first line, or b""."""
    try:
        with _open(path) as file:
            found = file.read(HEAD)
    except FileNotFoundError:
        return b""
    return found if len(found) == HEAD else b""


def _read(path: str, start: int) -> tuple[list[bytes], int]:
    """The whole lines from `start` on, and where they end."""
    with _open(path) as file:
        file.seek(start)
        data = file.read()
    end = data.rfind(b"\n") + 1
    return data[:end].split(b"\n")[:-1], start + end


class Files:
    """The files of several apps, read as one."""

    def __init__(self, record: dict[str, Any], paths: dict[str, str], query: Query) -> None:
        self.files = [File(app, path) for app, path in sorted(paths.items())]
        self.query = query
        self.since = _started(record)
        self.first = True

    def poll(self, seconds: float) -> list[Line]:
        """See `Reader`."""
        if not self.first and not self.query.follow:
            return []
        until = time.monotonic() + seconds
        while True:
            found = list(heapq.merge(*(self._lines(file) for file in self.files), key=_time))
            if self.first and self.query.lines is not None:
                found = found[len(found) - min(len(found), self.query.lines) :]
            self.first = False
            if found or time.monotonic() >= until:
                return found
            time.sleep(BETWEEN)

    def _lines(self, file: File) -> Iterable[Line]:
        lines = (parse(data, file.app) for data in file.more())
        return [
            line
            for line in lines
            if line is not None and self.query.fits(line) and line.time >= self.since
        ]

    def finish(self) -> list[Line]:
        """See `Reader`."""
        return self.poll(0.0)

    def close(self) -> None:
        """See `Reader`."""


def _started(record: dict[str, Any]) -> int:
    """When the instance began: a path that somebody chose may have older lines. To the millisecond."""
    return nanoseconds(f"{record['started'][:23]}000000Z".encode()) or 0


def _time(line: Line) -> int:
    return line.time
