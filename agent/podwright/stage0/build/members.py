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
    """

    __slots__ = ("content", "gid", "kind", "link", "mode", "mtime", "name", "size", "uid", "xattrs")

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
    ) -> None:
        self.name, self.kind, self.mode, self.mtime = name, kind, mode, mtime
        self.uid, self.gid = owner
        self.size, self.link = size, link
        self.xattrs = xattrs or {}
        self.content = content


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
        if member.kind == FILE:
            yield from _content(member)
    yield END


def _content(member: Member) -> Iterator[bytes]:
    left = member.size
    for piece in member.content():
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
    if member.size % BLOCK:
        yield bytes(-member.size % BLOCK)


def _header(member: Member, prefix: bytes) -> bytes:
    info = tarfile.TarInfo(_text((prefix + member.name).rstrip(b"/")))
    info.type = _TYPES[member.kind]
    info.mode, info.uid, info.gid = member.mode & 0o7777, member.uid, member.gid
    info.mtime, info.size = member.mtime, member.size if member.kind == FILE else 0
    info.linkname = _text(prefix + member.link if member.kind == HARDLINK else member.link)
    info.pax_headers = {
        f"SCHILY.xattr.{_text(name)}": _text(member.xattrs[name]) for name in sorted(member.xattrs)
    }
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
