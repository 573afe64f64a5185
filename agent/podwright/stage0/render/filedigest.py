# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of a file while it is written.

It is made by the agent from what it writes, not by the decoder from what it sends: a decoder that
was taken over may send what it likes, but the list of the tree says what is in it.
"""

from __future__ import annotations

from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podwright.stage0.render.tarread import Entry

_ZEROS = bytes(256 * 1024)


class FileDigest:
    """SHA-256 of a whole file, holes included, of whose content the archive has `entry.size` bytes."""

    def __init__(self, entry: Entry) -> None:
        self._hash = sha256()
        self._entry = entry

    def pass_on(self, content: Iterable[memoryview]) -> Iterable[memoryview]:
        """The same pieces; all must be taken before `hex`."""
        return self._plain(content) if self._entry.parts is None else self._sparse(content)

    def hex(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()

    def _plain(self, content: Iterable[memoryview]) -> Iterator[memoryview]:
        update = self._hash.update
        for view in content:
            update(view)
            yield view

    def _sparse(self, content: Iterable[memoryview]) -> Iterator[memoryview]:
        parts = iter((*(self._entry.parts or ()), (self._entry.real, 0)))
        at, left = 0, 0
        for view in content:
            done = 0
            while done < len(view):
                while not left:
                    offset, left = next(parts)
                    self._hole(offset - at)
                    at = offset
                step = min(left, len(view) - done)
                self._hash.update(view[done : done + step])
                at, left, done = at + step, left - step, done + step
            yield view
        self._hole(self._entry.real - at)

    def _hole(self, count: int) -> None:
        while count > 0:
            self._hash.update(_ZEROS[:count])
            count -= len(_ZEROS)
