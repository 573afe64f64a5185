# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of what is in a rendered tree, in the format of mtree(5): one entry per line.

    ./usr/bin/x type=file mode=0755 uid=0 gid=0 time=1700000000.000000000 size=12 sha256digest=...
    ./usr/lib   type=dir  mode=0755 uid=0 gid=0 time=1700000000.000000000
    ./bin       type=link uid=0 gid=0 time=1700000000.000000000 link=usr/bin

A file with several names has one line for each. `xattrs` is our own keyword: the SHA-256 of the
extended attributes that a render keeps. `opaque` marks a directory of an OCI layer that hides
what is below it. Of a path that is listed twice the last line counts.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import StoreError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

OPAQUE = "trusted.overlay.opaque"
KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}
PIECE = 1 << 20
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b"\\#")


@value
class Entry:
    """One path of a tree. `path` is relative to the root, b"" for the root itself.

    mode     permission bits; None for links, which have none of their own
    mtime    nanoseconds
    size     and `sha256` (hex): of regular files, else None and ""
    link     target of a symbolic link
    xattrs   hex digest of the attributes (`attributes_digest`), "" when there are none
    """

    path: bytes
    kind: str
    mode: Optional[int]
    uid: int
    gid: int
    mtime: int
    size: Optional[int] = None
    sha256: str = ""
    link: bytes = b""
    xattrs: str = ""
    opaque: bool = False


def line(entry: Entry) -> bytes:
    """The entry as a line of the file, with its newline."""
    path = b"./" + escape(entry.path) if entry.path else b"."
    words = [path, b"type=%s" % entry.kind.encode()]
    if entry.mode is not None:
        words.append(b"mode=%04o" % entry.mode)
    seconds, rest = divmod(entry.mtime, 10**9)
    words += [b"uid=%d" % entry.uid, b"gid=%d" % entry.gid, b"time=%d.%09d" % (seconds, rest)]
    if entry.size is not None:
        words.append(b"size=%d" % entry.size)
    if entry.sha256:
        words.append(b"sha256digest=%s" % entry.sha256.encode())
    if entry.kind == "link":
        words.append(b"link=%s" % escape(entry.link))
    if entry.xattrs:
        words.append(b"xattrs=%s" % entry.xattrs.encode())
    if entry.opaque:
        words.append(b"opaque")
    return b" ".join(words) + b"\n"


def escape(text: bytes) -> bytes:
    """vis(3) with octal escapes: printable ASCII but space, backslash and #."""
    if _PLAIN.issuperset(text):
        return text
    return b"".join(b"%c" % byte if byte in _PLAIN else b"\\%03o" % byte for byte in text)


def unescape(text: bytes) -> bytes:
    """What `escape` was given."""
    head, *parts = text.split(b"\\")
    return head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in parts)


def parse(row: bytes) -> Entry:
    """Read one line. Raises ValueError."""
    name, *words = row.split()
    said = dict(word.partition(b"=")[::2] for word in words)
    seconds, _, rest = said.get(b"time", b"0").partition(b".")
    kind = said[b"type"].decode()
    return Entry(
        path=b"" if name in (b".", b"./") else unescape(name[2:]),
        kind=kind,
        mode=int(said[b"mode"], 8) if b"mode" in said and kind != "link" else None,
        uid=int(said[b"uid"]),
        gid=int(said[b"gid"]),
        mtime=int(seconds) * 10**9 + int(rest or b"0"),
        size=int(said[b"size"]) if b"size" in said and kind == "file" else None,
        sha256=said.get(b"sha256digest", b"").decode(),
        link=unescape(said.get(b"link", b"")),
        xattrs=said.get(b"xattrs", b"").decode(),
        opaque=b"opaque" in said,
    )


def rows(data: bytes, shown: str) -> dict[bytes, bytes]:
    """The lines of a file by path, not yet parsed; `shown` names it in the error."""
    found: dict[bytes, bytes] = {}
    for row in data.splitlines():
        if row and not row.startswith(b"#"):
            name = row.partition(b" ")[0]
            try:
                path = b"" if name in (b".", b"./") else unescape(name[2:])
            except ValueError:
                raise StoreError(f"{shown} is damaged", object=shown) from None
            found[path] = row
    return found


def attributes_digest(attributes: dict[str, bytes]) -> str:
    """Hex SHA-256 over the attributes, sorted by name: name, NUL, value, each; "" for none."""
    if not attributes:
        return ""
    from podwright.stage0.trustring import sha256

    said = sorted((os.fsencode(name), data) for name, data in attributes.items())
    return sha256(b"".join(name + b"\0" + data for name, data in said))


def scan(rootfs: str, content: bool = True) -> Iterator[Entry]:
    """Every entry of a directory as it is now, the directory itself first, in a fixed order.

    content  read and digest regular files
    Raises OSError, with the path of what cannot be read as its file name.
    """
    fd = os.open(rootfs, _DIR)
    frames = [(fd, b"", [b""])]
    try:
        while frames:
            fd, prefix, names = frames[-1]
            if not names:
                os.close(frames.pop()[0])
                continue
            name = names.pop()
            path = prefix + name
            found = _entry(fd, name or b".", path, content)
            yield found
            if found.kind == "dir":
                below = os.open(name or b".", _DIR, dir_fd=fd)
                frames.append((below, path + b"/" if path else b"", _sorted_names(below)))
    finally:
        for fd, _, _ in frames:
            os.close(fd)


def _sorted_names(fd: int) -> list[bytes]:
    return sorted((os.fsencode(name) for name in os.listdir(fd)), reverse=True)


def _entry(parent: int, name: bytes, path: bytes, content: bool) -> Entry:
    info = os.stat(name, dir_fd=parent, follow_symlinks=False)
    kind = KINDS[stat.S_IFMT(info.st_mode)]
    digest = link = attributes = None
    if kind in ("file", "dir"):
        fd = os.open(name, _FILE if kind == "file" else _DIR, dir_fd=parent)
        try:
            attributes = _attributes(fd)
            if kind == "file" and content:
                digest = file_digest(fd)
        except OSError as err:
            raise OSError(err.errno, err.strerror, os.fsdecode(path)) from None
        finally:
            os.close(fd)
    elif kind == "link":
        link = os.readlink(name, dir_fd=parent)
    opaque = (attributes or {}).pop(OPAQUE, None) is not None
    return Entry(
        path=path,
        kind=kind,
        mode=None if kind == "link" else stat.S_IMODE(info.st_mode),
        uid=info.st_uid,
        gid=info.st_gid,
        mtime=info.st_mtime_ns,
        size=info.st_size if kind == "file" else None,
        sha256=digest or "",
        link=link or b"",
        xattrs=attributes_digest(attributes or {}),
        opaque=opaque,
    )


def _attributes(fd: int) -> dict[str, bytes]:
    """The extended attributes that a render makes; others belong to the host (SELinux labels)."""
    names = os.listxattr(fd)
    kept = [n for n in names if n.startswith("user.") or n in ("security.capability", OPAQUE)]
    return {name: os.getxattr(fd, name) for name in kept}


def file_digest(fd: int) -> str:
    """Hex SHA-256 of a file from its beginning."""
    from hashlib import sha256

    digest = sha256()
    offset = 0
    while piece := os.pread(fd, PIECE, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def sha256(data: bytes) -> str:
    """Hex SHA-256 of a list."""
    from hashlib import sha256 as digest

    return digest(data).hexdigest()
