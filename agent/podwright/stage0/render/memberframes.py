# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of an archive on their way from the confined decoder to the agent that writes them.

A frame is a head, the variable fields that it announces, and the content of a file.
The last frame ends the archive and carries the digest of all plain bytes. The agent checks every
field as if a stranger had sent it, since one may have taken the decoder over.
"""

from __future__ import annotations

import os
import struct

from podwright.stage0.render import sparse, tarfields, tarread
from podwright.stage0.render.tarfields import broken
from podwright.stage0.render.tarread import FILE, Entry, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Optional

    from podwright.stage0.render.feed import TarFeed
    from podwright.stage0.render.tarread import Clean

# kind, whether sparse, mode, uid, gid, mtime, size, real, lengths of name, link, attributes, parts
_HEAD = struct.Struct("=c?HIIQQQHHII")
_ATTRIBUTE = struct.Struct("=HI")
_PART = struct.Struct("=QQ")
_END = b"E"
_KINDS = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"6"))
_GATHER = 128 * 1024
_DIRECT = 32 * 1024


def send(feed: TarFeed, fd: int, digest: Callable[[], bytes]) -> None:
    """Write all members to `fd`, then the end with `digest()`."""
    out = _Output(fd)
    for entry in feed.members():
        out.add(_pack(entry))
        if entry.kind == FILE:
            for view in feed.content(entry):
                out.add(view)
    said = digest()
    out.add(_HEAD.pack(_END, False, 0, 0, 0, 0, len(said), 0, 0, 0, 0, 0) + said)
    out.flush()


class _Output:
    """Gathers what is small; writes what is large without copying it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waiting = bytearray()

    def add(self, data: bytes | memoryview) -> None:
        if len(data) < _DIRECT:
            self._waiting += data
            if len(self._waiting) > _GATHER:
                self.flush()
            return
        self.flush()
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def flush(self) -> None:
        with memoryview(self._waiting) as view:
            done = 0
            while done < len(view):
                done += os.write(self._fd, view[done:])
        self._waiting.clear()


def _pack(entry: Entry) -> bytes:
    attributes = b"".join(
        _ATTRIBUTE.pack(len(name), len(value)) + name + value
        for name, value in entry.xattrs.items()
    )
    parts = b"".join(_PART.pack(*part) for part in entry.parts or ())
    head = _HEAD.pack(
        entry.kind, entry.parts is not None, entry.mode, entry.uid, entry.gid, entry.mtime,
        entry.size, entry.real, len(entry.name), len(entry.link), len(attributes), len(parts),
    )  # fmt: skip
    return b"".join((head, entry.name, entry.link, attributes, parts))


class FrameFeed:
    """Reads frames; what `Feed` promises, and the plain archive's digest at the end.

    source        gives the frames' bytes
    digest_bytes  how long the plain archive's digest is
    most          bytes of content and holes that are accepted in all
    """

    def __init__(self, source: Source, clean: Clean, digest_bytes: int, most: int) -> None:
        self._source = source
        self._clean = clean
        self._digest_bytes = digest_bytes
        self._left = most
        self._current: Optional[Entry] = None
        self._content: Optional[Iterable[memoryview]] = None
        self.plain = b""

    def members(self) -> Iterator[Entry]:
        """See `Feed`."""
        read = self._source.read
        while True:
            head = _HEAD.unpack(read(_HEAD.size))
            if head[0] == _END:
                break
            entry = self._entry(*head)
            self._current = entry if entry.kind == FILE else None
            yield entry
            if self._current is not None:
                for _ in self.content(entry):
                    pass
            self._current = self._content = None
        if head[6] != self._digest_bytes:
            raise forged()
        self.plain = read(self._digest_bytes)

    def content(self, entry: Entry) -> Iterable[memoryview]:
        """See `Feed`."""
        if entry is not self._current:
            return ()
        if self._content is None:  # a file in whose way there was something is made twice
            whole = self._source.take(entry.size)
            self._content = self._source.views(entry.size) if whole is None else (whole,)
        return self._content

    def _entry(
        self, kind: bytes, is_sparse: bool, mode: int, uid: int, gid: int, mtime: int, size: int,
        real: int, name: int, link: int, attributes: int, parts: int,
    ) -> Entry:  # fmt: skip
        most = tarfields.MAX_PATH + 2
        if (
            kind not in _KINDS
            or mode > 0o7777
            or mtime > tarfields.MAX_MTIME
            or name > most
            or link > most
            or attributes > 2 * tarread.MAX_EXTENSION
            or parts > _PART.size * sparse.MAX_PARTS
            or parts % _PART.size
        ):
            raise forged()
        self._left -= size
        if self._left < 0:
            raise broken("it unpacks to more than the limit")
        fields = self._source.read(name + link + attributes + parts)
        entry = Entry()
        entry.kind, entry.mode, entry.uid, entry.gid, entry.mtime = kind, mode, uid, gid, mtime
        entry.size, entry.real = size, real
        entry.name = fields[:name]
        entry.link = fields[name : name + link]
        entry.xattrs = {}
        entry.parts = None
        if attributes:
            entry.xattrs = _attributes(fields[name + link : name + link + attributes])
        if is_sparse:
            pairs = list(_PART.iter_unpack(fields[name + link + attributes :]))
            entry.parts = sparse.check(pairs, real, size)
        elif real != size or parts:
            raise forged()
        tarread.check(entry, self._clean)
        return entry


def _attributes(data: bytes) -> dict[bytes, bytes]:
    out = {}
    at = 0
    while at < len(data):
        try:
            name, value = _ATTRIBUTE.unpack_from(data, at)
        except struct.error:
            raise forged() from None
        at += _ATTRIBUTE.size
        if at + name + value > len(data):
            raise forged()
        out[data[at : at + name]] = data[at + name : at + name + value]
        at += name + value
    return out


def forged() -> Exception:
    """The error for frames that our decoder does not make."""
    return broken("its decoder does not do what it should, and was ended")
