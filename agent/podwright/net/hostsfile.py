# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a pod's hosts file, and how its last part changes while apps read it (hosts(5)). Pure.

The file is bound into the apps, so it cannot be replaced by another one, and a reader takes several
calls for it. So each line that is there stays where it is until it goes, and comes and goes by one
byte: its first one, which is # as long as the line does not count. A reader sees any line whole or
not at all.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

    Entry = tuple[str, tuple[str, ...]]

MARK = b"# Other pods on its networks, kept up to date by podwright.\n"
LONGEST = 900
"""Some C libraries read lines of up to a thousand characters."""
LIMIT = 1 << 20


@value
class Edit:
    """Write `data` at an offset; None: end the file there."""

    offset: int
    data: Optional[bytes]


def own(hostname: str, others: Iterable[str], entries: tuple[Entry, ...], peers: bool) -> bytes:
    """What a pod's file says of itself, and what was asked for.

    others  names that lead to the pod itself, too
    peers   other pods come after it
    """
    given = {name.lower() for _, names in entries for name in names}
    mine = [name for name in dict.fromkeys((hostname, *others)) if name.lower() not in given]
    names = tuple(dict.fromkeys(("localhost", *mine)))
    six = ("localhost", hostname) if hostname in mine else ("localhost",)
    lines = list(lines_of((("127.0.0.1", names), ("::1", six), *entries)))
    return b"".join(line + b"\n" for line in lines) + (MARK if peers else b"")


def lines_of(entries: Iterable[Entry]) -> Iterable[bytes]:
    """The lines for addresses and their names, none too long."""
    for address, names in entries:
        line = address
        for name in names:
            if len(line) + len(name) >= LONGEST and line != address:
                yield line.encode()
                line = address
            line += f" {name}"
        if line != address:
            yield line.encode()


def edits(old: bytes, wanted: Iterable[bytes]) -> list[Edit]:
    """What makes the lines after MARK those that are wanted, in the order in which it has to be done.

    Nothing for a file without MARK.
    """
    start = old.find(MARK) + len(MARK)
    if start < len(MARK):
        return []
    new = dict.fromkeys(wanted)
    page = _Page(old, start)
    present = set(old[start:].split(b"\n"))
    for line in sorted(present - set(new)):
        if line and not line.startswith(b"#"):
            page.take_out(line)
    page.cut()
    page.put_in([line for line in new if line not in present])
    return page.edits


class _Page:
    """The file as it becomes, and the edits so far."""

    def __init__(self, old: bytes, start: int) -> None:
        self.now = bytearray(old)
        self.start = start
        self.edits: list[Edit] = []

    def _write(self, offset: int, data: bytes) -> None:
        self.now[offset : offset + len(data)] = data
        self.edits.append(Edit(offset, data))

    def take_out(self, line: bytes) -> None:
        """Make a comment of a line, then blank it."""
        found = self.now.find(b"\n" + line + b"\n", self.start - 1)
        if found >= 0:
            self._write(found + 1, b"#")
            self._write(found + 2, b" " * (len(line) - 1))

    def cut(self) -> None:
        """End the file after its last line that counts; what a killed writer cut off goes, too."""
        end = self.now.rfind(b"\n", self.start - 1) + 1
        while end > self.start:
            last = self.now.rfind(b"\n", self.start - 1, end - 1) + 1
            if self.now[last : last + 1] != b"#":
                break
            end = last
        if end != len(self.now):
            del self.now[end:]
            self.edits.append(Edit(end, None))

    def put_in(self, lines: list[bytes]) -> None:
        """Write lines over comments that have room, the others at the end."""
        rest = []
        room = self._room() if lines else []
        for line in lines:
            place = next((one for one in room if _fits(line, one[1])), None)
            if place is None:
                rest.append(line)
            else:
                self._fill(place, line)
        offset = len(self.now)
        if rest and offset + sum(map(len, rest)) + len(rest) <= LIMIT:
            self._write(offset, b"".join(b"#" + line[1:] + b"\n" for line in rest))
            for line in rest:
                self._write(offset, line[:1])
                offset += len(line) + 1

    def _room(self) -> list[list[int]]:
        """[offset, size] of each run of comments, its last newline included."""
        out: list[list[int]] = []
        found = self.now.find(b"\n#", self.start - 1)
        while found >= 0:
            size = self.now.find(b"\n", found + 1) - found
            if out and sum(out[-1]) == found + 1:
                out[-1][1] += size
            else:
                out.append([found + 1, size])
            found = self.now.find(b"\n#", found + 1)
        return out

    def _fill(self, place: list[int], line: bytes) -> None:
        offset, size = place
        self._write(offset, b"#" + b" " * (size - 2) + b"\n")
        left = size - len(line) - 1
        filler = b"#" + b" " * (left - 2) + b"\n" if left else b""
        self._write(offset + 1, line[1:] + b"\n" + filler)
        self._write(offset, line[:1])
        place[:] = [offset + size - left, left]


def _fits(line: bytes, size: int) -> bool:
    """Whether it has room, and what is left can be a comment of its own."""
    left = size - len(line) - 1
    return left == 0 or left >= 2
