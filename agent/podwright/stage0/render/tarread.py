# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tar archives strictly: ustar, GNU and PAX headers (POSIX.1-2017 pax, GNU tar manual).

Our own, because the standard library's reader stops silently at damage, allocates what a header
claims, and differs from other readers where that can be used (threats.md, section 0 and T14 to
T17). What this reader cannot read in the one way that GNU tar and bsdtar agree on, it refuses.
An archive is complete only when both end blocks were there and nothing but zeros came after.
"""

from __future__ import annotations

import struct

from podwright.stage0.render import sparse, tarfields
from podwright.stage0.render.tarfields import broken
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Clean = Callable[[bytes, bool], bytes]

BLOCK = 512
MAX_EXTENSION = 1024 * 1024

FILE, HARDLINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
_KINDS = {
    b"\0": FILE, b"0": FILE, b"7": FILE, b"S": FILE, b"1": HARDLINK, b"2": SYMLINK,
    b"3": CHAR, b"4": BLOCKDEV, b"5": DIRECTORY, b"6": FIFO,
}  # fmt: skip
_REFUSED = {
    b"M": "a continued volume", b"V": "a volume label",
    b"D": "an incremental dump", b"N": "an old long name", b"X": "a Solaris extension",
}  # fmt: skip
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_ZERO = bytes(BLOCK)
_POSIX = b"ustar\x0000"
_GNU = b"ustar  \0"
_CHARSETS = (b"BINARY", b"ISO-IR 10646 2000 UTF-8")
_IGNORED = (b"uname", b"gname", b"atime", b"ctime", b"comment")
_IGNORED_PREFIXES = (
    b"LIBARCHIVE.", b"SCHILY.acl.", b"SCHILY.dev", b"SCHILY.ino", b"SCHILY.nlink",
    b"SCHILY.fflags", b"RHT.security.",
)  # fmt: skip
_XATTR = b"SCHILY.xattr."
_REPEATED = (sparse.PREFIX + b"offset", sparse.PREFIX + b"numbytes")


class Entry:
    """One archive member: raw bytes for names, nanoseconds for `mtime`, kind one of the constants.

    name is relative, clean (no empty, `.` or `..` part, no trailing slash) or b"." for the top;
    link is as clean for hard links and as written for symbolic ones. `size` bytes of content are
    in the archive; a sparse file has them at `parts` (offset, length) and `real` bytes in all.
    """

    __slots__ = (
        "gid", "kind", "link", "mode", "mtime", "name", "parts", "real", "size", "uid", "xattrs",
    )  # fmt: skip

    name: bytes
    kind: bytes
    size: int
    real: int
    parts: tuple[tuple[int, int], ...] | None
    mode: int
    uid: int
    gid: int
    mtime: int
    link: bytes
    xattrs: dict[bytes, bytes]


class Source:
    """Bytes in order from an iterator of chunks, with nothing copied that need not be."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0

    def block(self) -> bytes:
        """The next 512 bytes."""
        end = self._at + BLOCK
        if end <= len(self._chunk):
            data = self._chunk[self._at : end]
            self._at = end
            return data
        return self.read(BLOCK)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes; ImageError when the archive ends before."""
        end = self._at + size
        if end <= len(self._chunk):
            data = bytes(self._chunk[self._at : end])
            self._at = end
            return data
        gathered = bytearray()
        for view in self.views(size):
            gathered += view
        return bytes(gathered)

    def take(self, size: int) -> memoryview | None:
        """`size` bytes in one piece, or None when they are not here yet."""
        end = self._at + size
        if end > len(self._chunk):
            return None
        view = memoryview(self._chunk)[self._at : end]
        self._at = end
        return view

    def views(self, size: int) -> Iterator[memoryview]:
        """Exactly `size` bytes in pieces; each is valid until the next is asked for."""
        while size:
            left = len(self._chunk) - self._at
            if not left:
                self._chunk, self._at = self._next(), 0
                continue
            take = min(left, size)
            with memoryview(self._chunk) as view:
                yield view[self._at : self._at + take]
            self._at += take
            size -= take

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        for _ in self.views(size):
            pass

    def only_zeros_follow(self) -> bool:
        """Read to the end; whether all of it was zero."""
        rest = self._chunk[self._at :]
        while rest.count(0) == len(rest):
            following = next(self._chunks, None)
            if following is None:
                return True
            rest = following
        return False

    def _next(self) -> bytes:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise broken("it ends before its end marker: cut short, or damaged")
        return chunk


def entries(source: Source, clean: Clean = tarfields.clean) -> Iterator[Entry]:
    """Each member in order. The payload of a regular file must be taken from `source` (with
    `views` or `read`, all `size` bytes) before the next member is asked for.

    clean  makes a member's name plain, or refuses it
    """
    while True:
        block = source.block()
        if block == _ZERO:
            break
        extension: dict[bytes, bytes] = {}
        pairs: list[tuple[bytes, bytes]] = []
        while block[156:157] in (b"x", b"g", b"L", b"K"):
            _extend(extension, pairs, block, source)
            block = source.block()
        entry = _entry(block, extension, pairs, source, clean)
        padding = -entry.size % BLOCK
        yield entry
        if padding:
            source.skip(padding)
    if source.block() != _ZERO or not source.only_zeros_follow():
        raise broken("something follows its end marker")


def _extend(
    extension: dict[bytes, bytes],
    pairs: list[tuple[bytes, bytes]],
    block: bytes,
    source: Source,
) -> None:
    """Read one extension header and its body into `extension`."""
    tarfields.checksum(block)
    kind = block[156:157]
    size = tarfields.size(block[124:136])
    if size > MAX_EXTENSION:
        raise broken(f"an extension header of {size} bytes is more than {MAX_EXTENSION}")
    body = source.read(size)
    source.skip(-size % BLOCK)
    if kind == b"g":
        if any(key != b"comment" for key, _ in tarfields.records(body)):
            raise broken("a global header changes all members that follow, which is not accepted")
        return
    if kind == b"x":
        if extension:
            raise broken("two extension headers contradict each other")
        for key, value in tarfields.records(body):
            if key in _REPEATED:
                pairs.append((key[len(sparse.PREFIX) :], value))
            elif key in extension:
                raise broken(f"PAX record {safe(key, 60)!r} is malformed or repeated")
            else:
                extension[key] = value
        extension[b""] = b"pax"
        return
    name = b"path" if kind == b"L" else b"linkpath"
    if extension.get(b"", b"gnu") != b"gnu" or name in extension:
        raise broken("two extension headers contradict each other")
    extension[b""] = b"gnu"
    extension[name] = body[:-1] if body.endswith(b"\0") else body


def _entry(
    block: bytes,
    extension: dict[bytes, bytes],
    pairs: list[tuple[bytes, bytes]],
    source: Source,
    clean: Clean,
) -> Entry:
    """Decode the header of a member together with its extensions."""
    tarfields.checksum(block)
    (name, mode, uid, gid, size, mtime, _, flag, link, magic, *_, prefix) = _HEADER.unpack(block)
    kind = _KINDS.get(flag)
    name = tarfields.text(name)
    if kind is None:
        shown = _REFUSED.get(flag, f"a member of type {safe(flag, 8)!r}")
        raise broken(f"{safe(name, 200)!r} is {shown}, which is not accepted")
    if magic == _POSIX and prefix[:1] != b"\0":
        name = tarfields.text(prefix) + b"/" + name
    number = tarfields.number
    entry = Entry()
    entry.kind, entry.size, entry.link = kind, tarfields.size(size), tarfields.text(link)
    entry.mode = number(mode, "mode") & 0o7777
    entry.uid, entry.gid = number(uid, "owner"), number(gid, "group")
    entry.mtime = number(mtime, "time") * 10**9
    entry.xattrs = {}
    entry.parts = None
    if kind in (CHAR, BLOCKDEV):
        for field in (block[329:337], block[337:345]):
            number(field, "device number")
    if extension or magic != _POSIX or flag == b"S":
        _check_forms(block, magic, extension, entry)
    if flag == b"\0" and name.endswith(b"/") and not extension:
        entry.kind = DIRECTORY  # as tars did before there was a type for directories
    if extension or pairs:
        name = _apply(entry, extension, pairs, name, source)
    if flag == b"S":
        if entry.parts is not None:
            raise broken(f"{safe(name, 200)!r} is sparse in two ways")
        entry.real, entry.parts = sparse.old_gnu(block, entry.size, source)
    if entry.parts is None:
        entry.real = entry.size
    entry.mtime = min(max(entry.mtime, 0), tarfields.MAX_MTIME)
    entry.name = name
    check(entry, clean)
    return entry


def _check_forms(block: bytes, magic: bytes, extension: dict[bytes, bytes], entry: Entry) -> None:
    """Refuse mixed dialects, in which GNU tar and bsdtar find different members."""
    why = ""
    if block[156:157] == b"S":
        why = "" if magic == _GNU else "is a sparse file but not of GNU tar"
    elif magic == _GNU and block[386:495].count(0) != 109:
        why = "has a map of a sparse file but is none"
    elif extension.get(b"") == b"pax" and magic[:5] != b"ustar":
        why = "has PAX records but a header of older times"
    elif b"linkpath" in extension and extension[b""] == b"gnu" and not entry.link:
        why = "has a long target but no target"
    if why:
        raise broken(f"{safe(tarfields.text(block[:100]), 200)!r} {why}")


def _apply(
    entry: Entry,
    extension: dict[bytes, bytes],
    pairs: list[tuple[bytes, bytes]],
    name: bytes,
    source: Source,
) -> bytes:
    """Overlay what extension headers say; returns the name."""
    del extension[b""]
    holes: dict[bytes, bytes] = {}
    for key, value in extension.items():
        if key == b"path":
            name = value
        elif key == b"linkpath":
            entry.link = value
        elif key == b"size":
            entry.size = tarfields.pax_size(value, entry.size)
        elif key == b"uid":
            entry.uid = tarfields.decimal(value, "owner")
        elif key == b"gid":
            entry.gid = tarfields.decimal(value, "group")
        elif key == b"mtime":
            entry.mtime = tarfields.pax_time(value)
        elif key.startswith(_XATTR):
            entry.xattrs[key[len(_XATTR) :]] = value
        elif key.startswith(sparse.PREFIX):
            holes[key[len(sparse.PREFIX) :]] = value
        elif key == b"hdrcharset" and value in _CHARSETS:
            pass  # names are bytes here: nothing is converted
        elif key not in _IGNORED and not key.startswith(_IGNORED_PREFIXES):
            raise broken(f"PAX record {safe(key, 60)!r} is not understood")
    if holes or pairs:
        if entry.kind != FILE:
            raise broken(f"{safe(name, 200)!r} is sparse but no file")
        name = holes.pop(b"name", name)
        entry.size, entry.real, entry.parts = sparse.pax(holes, pairs, entry.size, source)
        if holes:
            raise broken(f"PAX record {safe(min(holes), 60)!r} of a sparse file is not understood")
    return name


def check(entry: Entry, clean: Clean) -> None:
    """What holds for every member: clean names, owners in range, sizes only on files."""
    name = entry.name
    entry.name = clean(name, entry.kind == DIRECTORY)
    if entry.kind != FILE and entry.size:
        raise broken(f"{safe(name, 200)!r} is not a file but has a size")
    if entry.kind == HARDLINK:
        entry.link = clean(entry.link, False)
    elif entry.kind == SYMLINK and (
        not entry.link or b"\0" in entry.link or len(entry.link) >= tarfields.MAX_PATH
    ):
        raise broken(f"{safe(name, 200)!r} has a malformed link target")
    highest = tarfields.MAX_ID
    if not (0 <= entry.uid <= highest and 0 <= entry.gid <= highest):
        raise broken(f"{safe(name, 200)!r} belongs to {entry.uid}:{entry.gid}, which is no owner")
