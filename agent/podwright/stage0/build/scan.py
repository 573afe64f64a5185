# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory tree as members of an archive, in the order of their names.

Everything is opened relative to its directory without following links, so what somebody renames
meanwhile cannot lead elsewhere. Kept are what an image can have (`stage0/render/unpack.py`): files,
directories, links, named pipes, `user.*` attributes and version 2 file capabilities. Sockets, and
devices directly in /dev, which every pod has its own of, are left out and named; other devices and
mounted file systems are refused.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import UsageError
from podwright.stage0.build import members as members_of
from podwright.stage0.build.members import Member
from podwright.stage0.render.tarread import DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

CHUNK = 256 * 1024
MAX_DEPTH = 256
MAX_PARTS = 4096
"""Of a file with more holes the smallest are filled, as far as that makes no more than this of it."""
MAX_FILLED = 1 << 30
IDS = 65536
NOBODY = 65534
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@value
class Rules:
    """How owners and times become those of the image.

    owner   (uid, gid) for everything, or None to take them from the tree
    latest  times after this one become this one, in seconds since the epoch; None keeps them
    layer   the tree is a lower directory of overlays: its whiteouts become those of a layer
    shift   what was added to owners on disk; those below or far above it become nobody's
    pod     the tree is a pod's root: what no image can have is left out and named, holes are kept;
            names in messages are as the pod sees them
    """

    owner: Optional[tuple[int, int]] = None
    latest: Optional[int] = None
    layer: bool = False
    shift: int = 0
    pod: bool = False


def members(path: str, rules: Rules, warn: Callable[[str], None]) -> Iterator[Member]:
    """The tree at `path`, its top first. `warn` is told of what is left out."""
    try:
        top = os.open(path, _DIR & ~os.O_NOFOLLOW)
    except OSError as err:
        raise UsageError(
            f"directory {safe(path, 300)}: {err.strerror}", "check the path", object=safe(path, 300)
        ) from None
    yield from _Scan(path, rules, warn, os.fstat(top).st_dev).walk(top, b"", 0)


class _Scan:
    def __init__(self, path: str, rules: Rules, warn: Callable[[str], None], device: int) -> None:
        self._path = path
        self._rules = rules
        self._warn = warn
        self._device = device
        self._links: dict[tuple[int, int], bytes] = {}

    def walk(self, fd: int, name: bytes, depth: int) -> Iterator[Member]:
        """A directory and what is below it. Closes `fd`."""
        try:
            info = os.fstat(fd)
            if info.st_dev != self._device:
                raise self._refused(name, "is on another file system", "unmount it first")
            if depth > MAX_DEPTH:
                raise self._refused(name, f"is deeper than {MAX_DEPTH} directories", "")
            yield self._member(name, DIRECTORY, info, xattrs=self._xattrs(fd, name))
            if self._rules.layer and _is_opaque(fd):
                yield Member(name + b"/.wh..wh..opq" if name else b".wh..wh..opq", FILE, 0o600)
            for entry in sorted(map(os.fsencode, os.listdir(fd))):
                yield from self._entry(fd, entry, name + b"/" + entry if name else entry, depth)
        except OSError as err:
            raise self._refused(name, f"cannot be read: {err.strerror}", "") from None
        finally:
            os.close(fd)

    def _entry(self, parent: int, entry: bytes, name: bytes, depth: int) -> Iterator[Member]:
        info = os.stat(entry, dir_fd=parent, follow_symlinks=False)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFDIR:
            yield from self.walk(os.open(entry, _DIR, dir_fd=parent), name, depth + 1)
        elif kind == stat.S_IFREG:
            yield from self._file(parent, entry, name)
        elif kind == stat.S_IFLNK:
            link = os.readlink(entry, dir_fd=parent)
            yield self._member(name, SYMLINK, info, link=link)
        elif kind == stat.S_IFIFO:
            yield self._member(name, FIFO, info)
        elif self._rules.layer and kind == stat.S_IFCHR and info.st_rdev == 0:
            above, slash, last = name.rpartition(b"/")
            yield Member(above + slash + b".wh." + last, FILE, 0o600)
        elif kind == stat.S_IFSOCK:
            self._warn(f"{self._shown(name)} is a socket and is left out")
        elif name.rpartition(b"/")[0] == b"dev":
            self._warn(f"{self._shown(name)} is a device and is left out: pods have their own /dev")
        elif self._rules.pod:
            self._warn(f"{self._shown(name)} is a device node and is left out")
        else:
            raise self._refused(name, "is a device node, which an image may not bring", "remove it")

    def _file(self, parent: int, entry: bytes, name: bytes) -> Iterator[Member]:
        fd = os.open(entry, _FILE, dir_fd=parent)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise self._refused(name, "changed while it was read", "let nobody write there")
            if info.st_nlink > 1:
                first = self._links.setdefault((info.st_dev, info.st_ino), name)
                if first != name:
                    yield self._member(name, HARDLINK, info, link=first)
                    return
            yield self._member(
                name,
                FILE,
                info,
                size=info.st_size,
                xattrs=self._xattrs(fd, name),
                content=lambda: _read(fd),
                parts=self._parts(fd, info, name) if self._rules.pod else None,
            )
        finally:
            os.close(fd)

    def _parts(self, fd: int, info: os.stat_result, name: bytes) -> Optional[members_of.Parts]:
        """Where a file with holes has data; None when it has none."""
        if info.st_blocks * 512 >= info.st_size or not info.st_size:
            return None
        found = _extents(fd, info.st_size)
        if found is None:
            why = f"has more than {MAX_PARTS} holes, and too large ones to be filled"
            raise self._refused(name, why, "have the app remove or rewrite it, and end again")
        os.lseek(fd, 0, os.SEEK_SET)
        if sum(size for _, size in found) == info.st_size:
            return None
        return members_of.Parts(tuple(found), lambda: _read_parts(fd, found))

    def _member(
        self,
        name: bytes,
        kind: bytes,
        info: os.stat_result,
        *,
        size: int = 0,
        link: bytes = b"",
        xattrs: Optional[dict[bytes, bytes]] = None,
        content: Callable[[], Iterator[bytes]] = lambda: iter(()),
        parts: Optional[members_of.Parts] = None,
    ) -> Member:
        owner = self._rules.owner or (self._number(info.st_uid), self._number(info.st_gid))
        mtime = max(info.st_mtime_ns // 10**9, 0)
        if self._rules.latest is not None:
            mtime = min(mtime, self._rules.latest)
        mode = 0o777 if kind == SYMLINK else stat.S_IMODE(info.st_mode)
        return Member(
            name,
            kind,
            mode,
            owner,
            mtime,
            size=size,
            link=link,
            xattrs=xattrs,
            content=content,
            parts=parts,
        )

    def _number(self, owner: int) -> int:
        """An owner or group as the archive says it."""
        shift = self._rules.shift
        return owner if not shift else owner - shift if 0 <= owner - shift < IDS else NOBODY

    def _xattrs(self, fd: int, name: bytes) -> dict[bytes, bytes]:
        """The attributes that an image keeps."""
        out = {}
        for attribute in _listed(fd):
            if attribute == "security.capability":
                content = self._capability(os.getxattr(fd, attribute))
                if content:
                    out[os.fsencode(attribute)] = content
                elif self._rules.pod:
                    self._warn(f"{self._shown(name)}: its file capability is left out")
                else:
                    raise self._refused(
                        name,
                        "has a file capability that counts in one user namespace only",
                        "set it again as root of this host: setcap",
                    )
            elif attribute.startswith("user.") and not attribute.startswith("user.overlay."):
                out[os.fsencode(attribute)] = os.getxattr(fd, attribute)
        return out

    def _capability(self, content: bytes) -> bytes:
        """In version 2, or b"" when it counts in another user namespace (capabilities(7))."""
        if len(content) == 20 and content[3] == 2:
            return content
        mine = self._rules.shift and int.from_bytes(content[20:24], "little") == self._rules.shift
        if len(content) == 24 and content[3] == 3 and mine:
            return content[:3] + b"\x02" + content[4:20]
        return b""

    def _shown(self, name: bytes) -> str:
        if self._rules.pod:
            return safe("/" + os.fsdecode(name), 300)
        return safe(os.path.join(self._path, os.fsdecode(name)), 300)

    def _refused(self, name: bytes, why: str, hint: str) -> UsageError:
        return UsageError(f"{self._shown(name)} {why}", hint, object=self._shown(name))


def _listed(fd: int) -> list[str]:
    """Names of the extended attributes; some file systems have none."""
    try:
        return os.listxattr(fd)
    except OSError:
        return []


def _is_opaque(fd: int) -> bool:
    return "trusted.overlay.opaque" in _listed(fd)


def _extents(fd: int, whole: int) -> Optional[list[tuple[int, int]]]:
    """Where a file has data, in at most MAX_PARTS parts; None when that would fill too much."""
    found: list[tuple[int, int]] = []
    end = filled = 0
    while end < whole:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as err:
            if err.errno != errno.ENXIO:
                raise
            break  # nothing but a hole is left
        end = os.lseek(fd, start, os.SEEK_HOLE)
        found.append((start, end - start))
        if len(found) >= 2 * MAX_PARTS:
            found, more = join(found, MAX_PARTS)
            filled += more
            if filled > MAX_FILLED:
                return None
    found, more = join(found, MAX_PARTS)
    return found if filled + more <= MAX_FILLED else None


def join(parts: list[tuple[int, int]], most: int) -> tuple[list[tuple[int, int]], int]:
    """Parts (offset, length) made `most` by filling the smallest gaps; the bytes filled. Pure."""
    if len(parts) <= most:
        return parts, 0
    gaps = [after - start - size for (start, size), (after, _) in zip(parts, parts[1:])]
    small = sorted(range(len(gaps)), key=gaps.__getitem__)[: len(parts) - most]
    chosen = set(small)
    out = [parts[0]]
    for index, (start, size) in enumerate(parts[1:]):
        if index in chosen:
            out[-1] = (out[-1][0], start + size - out[-1][0])
        else:
            out.append((start, size))
    return out, sum(gaps[index] for index in small)


def _read_parts(fd: int, parts: list[tuple[int, int]]) -> Iterator[bytes]:
    for start, size in parts:
        end = start + size
        while start < end and (chunk := os.pread(fd, min(CHUNK, end - start), start)):
            yield chunk
            start += len(chunk)


def _read(fd: int) -> Iterator[bytes]:
    while chunk := os.read(fd, CHUNK):
        yield chunk
