# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of an archive that is read, as members of one that is written."""

from __future__ import annotations

from podwright.stage0.build.members import Member
from podwright.stage0.render.tarread import FILE, SYMLINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.stage0.render.tarread import Entry, Source

_ZEROS = bytes(256 * 1024)


def member_of(name: bytes, entry: Entry, source: Source | None = None) -> Member:
    """An entry under a name; the content of a file is taken from `source` when it is written."""
    return Member(
        name,
        entry.kind,
        entry.mode,
        (entry.uid, entry.gid),
        entry.mtime // 10**9,
        size=(entry.size if entry.parts is None else entry.real) if entry.kind == FILE else 0,
        link=entry.link if entry.kind == SYMLINK else b"",
        xattrs=_kept(entry),
        content=lambda: _content(entry, source) if source is not None else iter(()),
    )


def _content(entry: Entry, source: Source) -> Iterator[bytes | memoryview]:
    """A file's bytes, the holes of a sparse one filled."""
    at = 0
    for offset, length in ((0, entry.size),) if entry.parts is None else entry.parts:
        yield from _holes(offset - at)
        yield from source.views(length)
        at = offset + length
    if entry.parts is not None:
        yield from _holes(entry.real - at)


def _holes(count: int) -> Iterator[bytes]:
    while count > 0:
        yield _ZEROS[:count]
        count -= len(_ZEROS)


def _kept(entry: Entry) -> dict[bytes, bytes]:
    """The attributes that an image keeps (`stage0/render/unpack.py`)."""
    return {
        name: content
        for name, content in entry.xattrs.items()
        if name == b"security.capability"
        or (name.startswith(b"user.") and not name.startswith(b"user.overlay."))
    }
