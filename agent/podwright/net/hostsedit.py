# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the last part of a pod's hosts file changes while apps read it (hosts(5)). Pure.

The file is bound into the apps, so it cannot be replaced by another one, and a reader takes its time
to copy it, in pieces of a kilobyte or more. So that it sees every line whole or not at all,

- a line comes and goes by one byte: its first one, which is # as long as the line does not count;
- what has gone is overwritten, or cut off, only when the file has not changed for a while;
- no line lies across the edge of a block, where a piece may end.
"""

from __future__ import annotations

from podwright.net.hostsfile import MARK
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

BLOCK = 1024
"""What the smallest buffers hold that C libraries read files with."""
LIMIT = 1 << 20
CROWDED = 1 << 16
"""Size from which on room is made in any case."""


@value
class Edit:
    """Write `data` at an offset; None: end the file there."""

    offset: int
    data: Optional[bytes]


def edits(old: bytes, wanted: frozenset[bytes], *, settled: bool = True) -> list[Edit]:
    """What makes the lines after MARK those that are wanted, in the order in which it has to be done.

    settled  nobody still copies what was there before the last change
    Nothing for a file without MARK.
    """
    start = old.find(MARK) + len(MARK)
    if start < len(MARK):
        return []
    present = set(old[start:].split(b"\n"))
    page = _Page(old, start)
    page.cut(page.now.rfind(b"\n") + 1)  # a writer that was killed
    missing = [line for line in sorted(wanted - present) if not page.revive(line)]
    if settled or len(old) > CROWDED:
        page.tidy()
    page.put_in(missing)
    page.merge()
    for line in sorted(present - wanted):
        if line and not line.startswith(b"#"):
            page.take_out(line)
    return page.edits


class _Page:
    """The file as it becomes, and the edits so far.

    room   [offset, size] of comments that were there before, as far as they may be overwritten, their
          newlines included
    """

    def __init__(self, old: bytes, start: int) -> None:
        self.now = bytearray(old)
        self.start = start
        self.edits: list[Edit] = []
        self.room: list[list[int]] = []

    def _write(self, offset: int, data: bytes) -> None:
        self.now[offset : offset + len(data)] = data
        self.edits.append(Edit(offset, data))

    def take_out(self, line: bytes) -> None:
        """Make a comment of a line."""
        found = self.now.find(b"\n" + line + b"\n", self.start - 1)
        if found >= 0:
            self._write(found + 1, b"#")

    def revive(self, line: bytes) -> bool:
        """Let a line count again that has become a comment; False when there is none."""
        found = self.now.find(b"\n#" + line[1:] + b"\n", self.start - 1)
        if found >= 0:
            self._write(found + 1, line[:1])
        return found >= 0

    def cut(self, end: int) -> None:
        """End the file there."""
        if end != len(self.now):
            del self.now[end:]
            self.edits.append(Edit(end, None))

    def tidy(self) -> None:
        """Cut off comments at the end, and blank the others."""
        end = len(self.now)
        while end > self.start:
            last = self.now.rfind(b"\n", self.start - 1, end - 1) + 1
            if self.now[last] not in b"#\n":
                break
            end = last
        self.cut(end)
        found = self.now.find(b"\n#", self.start - 1) + 1
        while found > 0:
            size = self.now.find(b"\n", found) + 1 - found
            self._blank(found, size)
            self.room.append([found, size])
            found = self.now.find(b"\n#", found + size - 1) + 1

    def _blank(self, offset: int, size: int) -> None:
        blank = _blank(size)
        if self.now[offset : offset + size] != blank:
            self._write(offset, blank)

    def merge(self) -> None:
        """Make one comment of neighbours in a block, for lines of later changes.

        A reader may still see where one of them ends, so nothing is written over both yet.
        """
        runs: list[list[int]] = []
        for offset, size in self.room:
            near = bool(runs) and sum(runs[-1]) == offset
            if near and runs[-1][0] // BLOCK == (offset + size - 1) // BLOCK:
                runs[-1][1] += size
            else:
                runs.append([offset, size])
        for offset, size in runs:
            self._blank(offset, size)

    def put_in(self, lines: list[bytes]) -> None:
        """Write lines over comments that have room, the others at the end."""
        rest = []
        for line in lines:
            place = next((one for one in self.room if _fits(line, one[1])), None)
            if place is None:
                rest.append(line)
            else:
                self._fill(place, line)
        self._append(rest)

    def _fill(self, place: list[int], line: bytes) -> None:
        offset, size = place
        left = size - len(line) - 1
        self._write(offset + 1, line[1:] + b"\n" + _blank(left))
        self._write(offset, line[:1])
        self.room.remove(place)

    def _append(self, lines: list[bytes]) -> None:
        """All of them as comments first, which then become lines."""
        text, places = b"", []
        for line in lines:
            offset = len(self.now) + len(text)
            edge = BLOCK - offset % BLOCK
            if len(line) >= edge:
                text += _blank(edge)
                offset += edge
            if offset + len(line) >= LIMIT:
                break
            text += b"#" + line[1:] + b"\n"
            places.append((offset, line[:1]))
        if text:
            self._write(len(self.now), text)
        for offset, first in places:
            self._write(offset, first)


def _blank(size: int) -> bytes:
    """A comment that says nothing, or a line, of so many bytes."""
    return b"#" + b" " * (size - 2) + b"\n" if size > 1 else b"\n" * size


def _fits(line: bytes, size: int) -> bool:
    """Whether it has room, and what is left can be a comment of its own."""
    left = size - len(line) - 1
    return left == 0 or left >= 2
