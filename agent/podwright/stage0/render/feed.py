# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of an archive one after the other, each with its content and the content's digest."""

from __future__ import annotations

from podwright.stage0.render import tarread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Protocol

    from podwright.stage0.render.tarread import Clean, Entry, Source

    class Feed(Protocol):
        """What unpackers read from."""

        def members(self) -> Iterator[Entry]:
            """Each member; the content of one must be taken before the next is asked for."""

        def content(self, entry: Entry) -> Iterable[memoryview]:
            """The `entry.size` bytes that the archive has of a file, in pieces.

            A piece is valid until the next one is asked for. Until then it can be asked for again.
            """

        def digest(self) -> bytes:
            """SHA-256 of the whole file whose content was just taken, holes included; to be asked
            for once, and always.
            """


_ZEROS = bytes(256 * 1024)


class TarFeed:
    """Reads a plain tar archive."""

    def __init__(self, source: Source, clean: Clean) -> None:
        self._source = source
        self._clean = clean
        self._digest = b""

    def members(self) -> Iterator[Entry]:
        """See `Feed`."""
        return tarread.entries(self._source, self._clean)

    def content(self, entry: Entry) -> Iterator[memoryview]:
        """See `Feed`."""
        from hashlib import sha256

        hashed = sha256()
        update, views = hashed.update, self._source.views
        at = 0
        for offset, length in ((0, entry.size),) if entry.parts is None else entry.parts:
            _zeros(hashed, offset - at)
            for view in views(length):
                update(view)
                yield view
            at = offset + length
        _zeros(hashed, entry.real - at)
        self._digest = hashed.digest()

    def digest(self) -> bytes:
        """See `Feed`."""
        return self._digest


def _zeros(hashed: Any, count: int) -> None:
    while count > 0:
        hashed.update(_ZEROS[:count])
        count -= len(_ZEROS)
