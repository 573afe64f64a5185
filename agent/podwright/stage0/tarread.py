# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read tar archives strictly: ustar, GNU and PAX headers (POSIX.1-2017 pax, GNU tar manual).

Our own, because the standard library's reader stops silently at damage, allocates what a header
claims, and differs from other readers where that can be used (threats.md, section 0 and T14 to
T17). What this reader cannot read in the one way that GNU tar and bsdtar agree on, it refuses.
An archive is complete only when both end blocks were there and nothing but zeros came after.
"""

from __future__ import annotations

import re
import struct

from podwright.errors import ImageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
MAX_EXTENSION = 1024 * 1024
MAX_PATH = 4096
MAX_PART = 255
MAX_DEPTH = 256
MAX_ID = 2**32 - 2
MAX_MTIME = (2**34 - 1) * 10**9

FILE, HARDLINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
_KINDS = {
    b"\0": FILE, b"0": FILE, b"7": FILE, b"1": HARDLINK, b"2": SYMLINK,
    b"3": CHAR, b"4": BLOCKDEV, b"5": DIRECTORY, b"6": FIFO,
}  # fmt: skip
_REFUSED = {
    b"S": "a sparse file", b"M": "a continued volume", b"V": "a volume label",
    b"D": "an incremental dump", b"N": "an old long name", b"X": "a Solaris extension",
}  # fmt: skip
_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_ZERO = bytes(BLOCK)
_POSIX = b"ustar\x0000"
_DECIMAL = re.compile(rb"[0-9]{1,19}\Z")
_TIME = re.compile(rb"(-?)([0-9]{1,12})(?:\.([0-9]{0,18}))?\Z")
_RECORD = re.compile(rb"([1-9][0-9]{0,7}) ")
_CHARSETS = (b"BINARY", b"ISO-IR 10646 2000 UTF-8")
_IGNORED = (b"uname", b"gname", b"atime", b"ctime", b"comment")
_IGNORED_PREFIXES = (
    b"LIBARCHIVE.", b"SCHILY.acl.", b"SCHILY.dev", b"SCHILY.ino", b"SCHILY.nlink",
    b"SCHILY.fflags", b"RHT.security.",
)  # fmt: skip
_XATTR = b"SCHILY.xattr."


class Entry:
    """One archive member: raw bytes for names, nanoseconds for `mtime`, kind one of the constants.

    name is relative, clean (no empty, `.` or `..` part, no trailing slash) or b"." for the top;
    link is as clean for hard links and as written for symbolic ones.
    """

    __slots__ = ("gid", "kind", "link", "mode", "mtime", "name", "size", "uid", "xattrs")

    name: bytes
    kind: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    link: bytes
    xattrs: dict[bytes, bytes]


def broken(why: str) -> ImageError:
    """The error for an archive that is not what it should be."""
    return ImageError(f"archive: {why}", "get the image again from its maker")


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
        return b"".join(self.views(size))

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


def entries(source: Source) -> Iterator[Entry]:
    """Each member in order. The payload of a regular file must be taken from `source` (with
    `views` or `read`, all `size` bytes) before the next member is asked for.
    """
    while True:
        block = source.block()
        if block == _ZERO:
            break
        extension: dict[bytes, bytes] = {}
        while block[156:157] in (b"x", b"g", b"L", b"K"):
            _extend(extension, block, source)
            block = source.block()
        entry = _entry(block, extension)
        yield entry
        padding = -entry.size % BLOCK
        if padding:
            source.skip(padding)
    if source.block() != _ZERO or not source.only_zeros_follow():
        raise broken("something follows its end marker")


def _extend(extension: dict[bytes, bytes], block: bytes, source: Source) -> None:
    """Read one extension header and its body into `extension`."""
    _checksum(block)
    kind = block[156:157]
    size = _size(block[124:136])
    if size > MAX_EXTENSION:
        raise broken(f"an extension header of {size} bytes is more than {MAX_EXTENSION}")
    body = source.read(size)
    source.skip(-size % BLOCK)
    if kind == b"g":
        if set(_records(body)) - {b"comment"}:
            raise broken("a global header changes all members that follow, which is not accepted")
        return
    if kind == b"x":
        if extension:
            raise broken("two extension headers contradict each other")
        extension.update(_records(body))
        extension[b""] = b"pax"
        return
    name = b"path" if kind == b"L" else b"linkpath"
    if extension.get(b"", b"gnu") != b"gnu" or name in extension:
        raise broken("two extension headers contradict each other")
    extension[b""] = b"gnu"
    extension[name] = body[:-1] if body.endswith(b"\0") else body


def _records(body: bytes) -> dict[bytes, bytes]:
    """The records of a PAX header: `length key=value` and a newline each."""
    out: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        match = _RECORD.match(body, at)
        end = at + int(match.group(1)) if match else 0
        if not match or end > len(body) or end <= match.end() or body[end - 1] != 0x0A:
            raise broken("a PAX record has a wrong length")
        key, equals, value = body[match.end() : end - 1].partition(b"=")
        if not equals or not key or key in out:
            raise broken(f"PAX record {safe(key, 60)!r} is malformed or repeated")
        out[key] = value
        at = end
    return out


def _checksum(block: bytes) -> None:
    """The header's sum over unsigned bytes, or over signed ones as some old tars wrote it."""
    wanted = _number(block[148:156], "checksum")
    found = sum(block) - sum(block[148:156]) + 8 * 0x20
    if found != wanted:
        negative = 256 * sum(byte > 127 for byte in block[:148] + block[156:])
        if found - negative != wanted:
            raise broken("a header has a wrong checksum: damaged, or not a tar archive")


def _number(field: bytes, what: str) -> int:
    """An octal or base-256 number field."""
    first = field[0]
    if first & 0x80:
        if first not in (0x80, 0xFF):
            raise broken(f"a header has a malformed {what}")
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if first == 0xFF else 0)
    text = field.rstrip(b"\0 ").lstrip(b" ")
    try:
        if text.isdigit():
            return int(text, 8)
    except ValueError:
        pass
    if not text:
        return 0
    raise broken(f"a header has a malformed {what}")


def _size(field: bytes) -> int:
    size = _number(field, "size")
    if size < 0 or size >= 2**63 or not field.strip(b" "):
        raise broken(f"a header claims the size {size}")
    return size


def _entry(block: bytes, extension: dict[bytes, bytes]) -> Entry:
    """Decode the header of a member together with its extensions."""
    _checksum(block)
    (name, mode, uid, gid, size, mtime, _, flag, link, magic, *_, prefix) = _HEADER.unpack(block)
    kind = _KINDS.get(flag)
    if kind is None:
        shown = _REFUSED.get(flag, f"a member of type {safe(flag, 8)!r}")
        raise broken(f"{safe(_text(name), 200)!r} is {shown}, which is not accepted")
    name = _text(name)
    if magic == _POSIX and prefix[:1] != b"\0":
        name = _text(prefix) + b"/" + name
    entry = Entry()
    entry.kind, entry.size, entry.link = kind, _size(size), _text(link)
    entry.mode = _number(mode, "mode") & 0o7777
    entry.uid, entry.gid = _number(uid, "owner"), _number(gid, "group")
    entry.mtime = _number(mtime, "time") * 10**9
    entry.xattrs = {}
    if flag == b"\0" and name.endswith(b"/") and not extension:
        entry.kind = DIRECTORY  # as tars did before there was a type for directories
    if extension:
        name = _apply(entry, extension, name)
    _check(entry, name)
    return entry


def _apply(entry: Entry, extension: dict[bytes, bytes], name: bytes) -> bytes:
    """Overlay what extension headers say; returns the name."""
    del extension[b""]
    for key, value in extension.items():
        if key == b"path":
            name = value
        elif key == b"linkpath":
            entry.link = value
        elif key == b"size":
            entry.size = _pax_size(value, entry.size)
        elif key == b"uid":
            entry.uid = _decimal(value, "owner")
        elif key == b"gid":
            entry.gid = _decimal(value, "group")
        elif key == b"mtime":
            entry.mtime = _pax_time(value)
        elif key.startswith(_XATTR):
            entry.xattrs[key[len(_XATTR) :]] = value
        elif key == b"hdrcharset" and value in _CHARSETS:
            pass  # names are bytes here: nothing is converted
        elif key not in _IGNORED and not key.startswith(_IGNORED_PREFIXES):
            raise broken(f"PAX record {safe(key, 60)!r} is not understood")
    return name


def _check(entry: Entry, name: bytes) -> None:
    """What holds for every member: clean names, owners in range, sizes only on files."""
    entry.name = _clean(name, entry.kind == DIRECTORY)
    if entry.kind != FILE and entry.size:
        raise broken(f"{safe(name, 200)!r} is not a file but has a size")
    if entry.kind == HARDLINK:
        entry.link = _clean(entry.link, False)
    elif entry.kind == SYMLINK and (
        not entry.link or b"\0" in entry.link or len(entry.link) >= MAX_PATH
    ):
        raise broken(f"{safe(name, 200)!r} has a malformed link target")
    if not (0 <= entry.uid <= MAX_ID and 0 <= entry.gid <= MAX_ID):
        raise broken(f"{safe(name, 200)!r} belongs to {entry.uid}:{entry.gid}, which is no owner")
    entry.mtime = min(max(entry.mtime, 0), MAX_MTIME)


def _clean(name: bytes, directory: bool) -> bytes:
    """A relative path of plain parts. One leading `./` and a directory's trailing slash go."""
    given = name
    if name[:2] == b"./":
        name = name[2:] or b"."
    if directory and name[-1:] == b"/" and len(name) > 1:
        name = name[:-1]
    if name == b"." and directory:
        return name
    framed = b"/%b/" % name
    why = ""
    if b"//" in framed or b"/../" in framed or b"/./" in framed or b"\0" in name:
        why = "is not a plain relative path"
    elif len(name) > MAX_PATH or name.count(b"/") >= MAX_DEPTH:
        why = f"is longer than {MAX_PATH} bytes or deeper than {MAX_DEPTH} directories"
    elif len(name) > MAX_PART and any(len(part) > MAX_PART for part in name.split(b"/")):
        why = f"has a part of more than {MAX_PART} bytes"
    if why:
        raise broken(f"path {safe(given, 200)!r} {why}")
    return name


def _text(field: bytes) -> bytes:
    """A name field up to its first NUL."""
    end = field.find(b"\0")
    return field if end < 0 else field[:end]


def _decimal(value: bytes, what: str) -> int:
    if not _DECIMAL.match(value):
        raise broken(f"a PAX record has a malformed {what}")
    return int(value)


def _pax_size(value: bytes, in_header: int) -> int:
    """The size in a PAX record, which may differ from the header's only when too large for it."""
    size = _decimal(value, "size")
    if size != in_header and size < 8**11:
        raise broken(f"a member has two sizes, {size} and {in_header}")
    return size


def _pax_time(value: bytes) -> int:
    match = _TIME.match(value)
    if not match:
        raise broken("a PAX record has a malformed time")
    fraction = ((match.group(3) or b"") + b"000000000")[:9]
    moment = int(match.group(2)) * 10**9 + int(fraction)
    return -moment if match.group(1) else moment
