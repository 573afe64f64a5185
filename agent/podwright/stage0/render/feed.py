# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of an archive one after the other, each with its content."""

from __future__ import annotations

from podwright.stage0.render import tarread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from podwright.stage0.render.tarread import Clean, Entry, Source

    class Feed(Protocol):
        """What unpackers read from."""

        def members(self) -> Iterator[Entry]:
            """Each member; the content of one must be taken before the next is asked for."""

        def content(self, entry: Entry) -> Iterable[memoryview]:
            """The `entry.size` bytes that the archive has of a file, in pieces.

            A piece is valid until the next one is asked for. Until then it can be asked for again.
            """


class TarFeed:
    """Reads a plain tar archive."""

    def __init__(self, source: Source, clean: Clean) -> None:
        self._source = source
        self._clean = clean

    def members(self) -> Iterator[Entry]:
        """See `Feed`."""
        return tarread.entries(self._source, self._clean)

    def content(self, entry: Entry) -> Iterator[memoryview]:
        """See `Feed`."""
        return self._source.views(entry.size)
