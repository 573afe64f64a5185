# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar archives as we write them: the same members give the same bytes, on every host.

Headers are ustar, with a PAX header before them only where ustar cannot say it (a name that is
long or not ASCII, a large number, an extended attribute); owners are numbers, times whole seconds.
The headers themselves are made by the standard library's tarfile.
"""

from __future__ import annotations

import tarfile

from podwright.errors import UsageError
from podwright.stage0.render.tarread import DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Optional

    Warn = Callable[[str], None]

BLOCK = 512
END = bytes(2 * BLOCK)
_TYPES = {
    FILE: tarfile.REGTYPE,
    DIRECTORY: tarfile.DIRTYPE,
    HARDLINK: tarfile.LNKTYPE,
    SYMLINK: tarfile.SYMTYPE,
    FIFO: tarfile.FIFOTYPE,
}


class Member:
    """One thing in a root file system.

    name     relative to the root, raw bytes, b"" for the root itself
    kind     FILE, DIRECTORY, HARDLINK, SYMLINK or FIFO of `tarread`
    mtime    whole seconds since the epoch
    link     target of a symbolic link as written; of a hard link the name of an earlier member
    content  called once, gives the `size` bytes of a file
    parts    of a file with holes, where it has data; then that is written in place of `content`
    """

    __slots__ = (
        "content",
        "gid",
        "kind",
        "link",
        "mode",
        "mtime",
        "name",
        "parts",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(
        self,
        name: bytes,
        kind: bytes,
        mode: int = 0o755,
        owner: tuple[int, int] = (0, 0),
        mtime: int = 0,
        *,
        size: int = 0,
        link: bytes = b"",
        xattrs: dict[bytes, bytes] | None = None,
        content: Callable[[], Iterable[bytes | memoryview]] = tuple,
        parts: Parts | None = None,
    ) -> None:
        self.name, self.kind, self.mode, self.mtime = name, kind, mode, mtime
        self.uid, self.gid = owner
        self.size, self.link = size, link
        self.xattrs = xattrs or {}
        self.content = content
        self.parts = parts


@value
class Parts:
    """Where a file with holes has data, as (offset, length) in order; `content` gives all of that."""

    where: tuple[tuple[int, int], ...]
    content: Callable[[], Iterable[bytes]]

    def map(self) -> bytes:
        """What stands before the data (GNU tar manual, "Sparse Formats", PAX 1.0)."""
        numbers = [len(self.where), *(number for part in self.where for number in part)]
        text = "".join(f"{number}\n" for number in numbers).encode()
        return text + bytes(-len(text) % BLOCK)

    def size(self) -> int:
        """Bytes of the data."""
        return sum(length for _, length in self.where)


@value
class Material:
    """What a build is made of: `members` gives the root's content, anew each time."""

    manifest: Optional[dict[str, Any]]
    members: Callable[[Warn], Iterator[Member]]


def archive(
    members: Iterable[Member], prefix: bytes = b"", manifest: bytes | None = None
) -> Iterator[bytes]:
    """The bytes of a tar archive, in pieces.

    prefix    goes before every name: b"rootfs/" for an ACI; without one the root is left out
    manifest  content of a first member `manifest`
    """
    if manifest is not None:
        yield _header(Member(b"manifest", FILE, 0o644, size=len(manifest)), b"")
        yield manifest + bytes(-len(manifest) % BLOCK)
    for member in members:
        if not member.name and not prefix:
            continue
        yield _header(member, prefix)
        if member.parts is not None:
            yield member.parts.map()
            yield from _content(member, member.parts.size(), member.parts.content)
        elif member.kind == FILE:
            yield from _content(member, member.size, member.content)
    yield END


def _content(
    member: Member, size: int, content: Callable[[], Iterable[bytes | memoryview]]
) -> Iterator[bytes]:
    left = size
    for piece in content():
        left -= len(piece)
        if left < 0:
            break
        yield bytes(piece)
    if left:
        raise UsageError(
            f"{safe(member.name, 200)!r} changed its size while it was read",
            "let nobody write to the tree while an image is made of it",
            object=safe(member.name, 200),
            reason="changed",
        )
    if size % BLOCK:
        yield bytes(-size % BLOCK)


def _header(member: Member, prefix: bytes) -> bytes:
    info = tarfile.TarInfo(_text((prefix + member.name).rstrip(b"/")))
    info.type = _TYPES[member.kind]
    info.mode, info.uid, info.gid = member.mode & 0o7777, member.uid, member.gid
    info.mtime, info.size = member.mtime, member.size if member.kind == FILE else 0
    info.linkname = _text(prefix + member.link if member.kind == HARDLINK else member.link)
    info.pax_headers = {
        f"SCHILY.xattr.{_text(name)}": _text(member.xattrs[name]) for name in sorted(member.xattrs)
    }
    if member.parts is not None:
        info.pax_headers |= {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": info.name,
            "GNU.sparse.realsize": str(member.size),
        }
        info.size = len(member.parts.map()) + member.parts.size()
    try:
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError(
            f"{safe(member.name, 200)!r} has an extended attribute whose name is not UTF-8",
            "remove it: setfattr -x",
            object=safe(member.name, 200),
        ) from None


def _text(raw: bytes) -> str:
    """Bytes in the form in which tarfile gives them back unchanged."""
    return raw.decode("utf-8", "surrogateescape")
