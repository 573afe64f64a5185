# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a tree from the members of an archive, in one pass, and list it in `mtree` as it grows.

Everything is made relative to an open parent directory that was itself opened without following
links, and made exclusively; so no member can land outside. Of extended attributes, `user.*`
(without overlayfs's) and version 2 `security.capability` are kept on files and directories, the
others are dropped. Memory is bounded whatever the archive holds: times of directories wait in a
file. The dialects, ACI and layer, are in `aci.py` and `layer.py`.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import HostError
from podwright.kernel import tree
from podwright.stage0.render import mtree, mtreewriter
from podwright.stage0.render.dirtimes import DirTimes
from podwright.stage0.render.filedigest import FileDigest
from podwright.stage0.render.mtreewriter import line
from podwright.stage0.render.tarfields import MAX_MTIME, broken
from podwright.stage0.render.tarread import BLOCKDEV, CHAR, DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage0.render.feed import Feed
    from podwright.stage0.render.tarread import Entry

MAX_ENTRIES = 1_000_000
MAX_DIRECTORIES = 250_000
MAX_IMPLIED = 8 * 1024 * 1024
"""Bytes of all paths of directories that are there only because something is in them."""
MAX_LINKED = 100_000
MAX_HOLES = 8 * 1024**3
MAX_ATTRIBUTE = 65536
OPEN_DIRECTORIES = 200


@value
class Unpacked:
    """What came out: counts, the bytes of all regular files, the SHA-256 of `mtree`.

    manifest  of an ACI, as it was
    borrowed  a layer's tree holds something taken from lower layers, so it belongs onto these
    """

    members: int
    size: int
    left_out: int
    mtree: str
    manifest: bytes = b""
    borrowed: bool = False


class Unpacker:
    """Makes members in `tree`/rootfs, an empty directory of our own, listed in `tree`/mtree."""

    LINKS_TO_LINKS = False

    def __init__(self, tree_path: str, feed: Feed) -> None:
        self._path = tree_path
        self._feed = feed
        top = os.open(f"{tree_path}/rootfs", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._open: dict[bytes, int] = {b"": top}
        self._listed = mtreewriter.Writer(f"{tree_path}/mtree")
        self._times = DirTimes(tree_path)
        self._implied: set[bytes] = set()
        self._implied_bytes = self._directories = self._holes = 0
        self._members = self._size = self._left_out = 0
        self._linked: dict[int, bytes] = {}
        self._top: Optional[tuple[int, int]] = None
        self._make = {
            FILE: self._file,
            DIRECTORY: self._directory,
            HARDLINK: self._hardlink,
            SYMLINK: self._symlink,
            FIFO: self._fifo,
            CHAR: self._device,
            BLOCKDEV: self._device,
        }

    def run(self) -> Unpacked:
        """Make all members. Raises ImageError, HostError."""
        try:
            tree.prepare_top(self._open[b""])
            self._latest, self._unit = tree.latest_time(self._open[b""], MAX_MTIME)
            for entry in self._feed.members():
                self._members += 1
                if self._members > MAX_ENTRIES:
                    raise broken(f"it has more than {MAX_ENTRIES} members")
                mtime = min(entry.mtime, self._latest)
                entry.mtime = mtime - mtime % self._unit
                self.add(entry)
            return self.finish()
        except OSError as err:
            raise _host_error(err, self._path) from None

    def add(self, entry: Entry) -> None:
        """Make one member."""
        raise NotImplementedError

    def finish(self) -> Unpacked:
        """Finish the directories and the list."""
        for path in sorted(self._implied):
            self._finish_directory(path, 0o755, 0)
        for path, mode, mtime in self._times.read():
            self._finish_directory(path, mode, mtime)
        if self._top is None:
            tree.set_dir(self._open[b""], (0, 0), 0o755, {})
        self._finish_directory(b"", *(self._top or (0o755, 0)))
        digest = self._listed.finish()
        return Unpacked(self._members, self._size, self._left_out, digest)

    def close(self) -> None:
        """Close every directory and file."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()
        self._listed.close()
        self._times.close()

    def _finish_directory(self, path: bytes, mode: int, mtime: int) -> None:
        """Time and line of a directory, unless something else has taken its place."""
        try:
            fd = self._dir(path) if path else self._open[b""]
        except (FileNotFoundError, NotADirectoryError):
            return
        tree.finish_dir(fd, mode, mtime)
        found = os.fstat(fd)
        attributes = {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
        more = " opaque" if attributes.pop(tree.OPAQUE, None) else ""
        kept = {name: attributes[name] for name in attributes if is_kept(name)}
        owner = (found.st_uid, found.st_gid)
        self._listed.add(line(path, "dir", (mode, owner, mtime), kept, more))

    def _split(self, path: bytes) -> tuple[int, bytes]:
        """(open parent directory, last part) of a path; what is missing above it is made."""
        cut = path.rfind(b"/")
        if cut < 0:
            return self._open[b""], path
        fd = self._open.get(path[:cut])
        return (self._parent(path[:cut]) if fd is None else fd), path[cut + 1 :]

    def _parent(self, path: bytes) -> int:
        try:
            return self._dir(path, make=True)
        except NotADirectoryError:
            raise broken(
                f"{safe(path, 200)!r} is used as a directory but is a link or a file"
            ) from None

    def _dir(self, path: bytes, *, make: bool = False) -> int:
        """An open directory below the top; with `make`, made when no member has named it yet.

        Raises FileNotFoundError, NotADirectoryError.
        """
        fd = self._open.get(path)
        if fd is not None:
            return fd
        cut = path.rfind(b"/")
        parent = self._open[b""] if cut < 0 else self._dir(path[:cut], make=make)
        name = path[cut + 1 :]
        try:
            fd = tree.open_dir(parent, name)
        except FileNotFoundError:
            if not make:
                raise
            self._imply(parent, name, path)
            fd = tree.open_dir(parent, name)
        self._keep_open(path, fd)
        return fd

    def _imply(self, parent: int, name: bytes, path: bytes) -> None:
        """Make a directory that has no member of its own, or not yet."""
        self._count_directory()
        self._implied_bytes += len(path) + 100
        if self._implied_bytes > MAX_IMPLIED:
            raise broken("it has too many directories without members of their own")
        self._implied.add(path)
        tree.make_dir(parent, name)
        self._set_directory(parent, name, ((0, 0), 0o755, {}))

    def _keep_open(self, path: bytes, fd: int) -> None:
        if len(self._open) >= OPEN_DIRECTORIES:
            oldest = next(key for key in self._open if key)
            os.close(self._open.pop(oldest))
        self._open[path] = fd

    def _count_directory(self) -> None:
        self._directories += 1
        if self._directories > MAX_DIRECTORIES:
            raise broken(f"it has more than {MAX_DIRECTORIES} directories")

    def _file(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        self._size += entry.real
        self._holes += entry.real - entry.size
        if self._holes > MAX_HOLES:
            raise broken(f"its sparse files have holes of more than {MAX_HOLES} bytes")
        kept = attributes(entry) if entry.xattrs else {}
        digest = FileDigest(entry)
        content = digest.pass_on(self._feed.content(entry))
        owner, mode, mtime = (entry.uid, entry.gid), entry.mode, entry.mtime
        tree.make_file(parent, name, content, owner, mode, mtime, kept, entry.parts, entry.real)
        more = f" size={entry.real} sha256digest={digest.hex()}"
        self._listed.add(line(path, "file", (mode, owner, mtime), kept, more))

    def _directory(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        meta = directory_meta(entry)
        if path in self._implied:
            self._implied.remove(path)
        else:
            self._count_directory()
            tree.make_dir(parent, name)
        self._set_directory(parent, name, meta)
        self._times.add(path, entry.mode, entry.mtime)

    def _set_directory(
        self, parent: int, name: bytes, meta: tuple[tuple[int, int], int, dict[str, bytes]]
    ) -> None:
        fd = tree.open_dir(parent, name)
        try:
            tree.set_dir(fd, *meta)
        finally:
            os.close(fd)

    def _set_top(self, entry: Entry) -> None:
        tree.set_dir(self._open[b""], *directory_meta(entry))
        self._top = (entry.mode, entry.mtime)

    def _symlink(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        owner = (entry.uid, entry.gid)
        tree.make_symlink(parent, name, entry.link, owner, entry.mtime)
        more = f" link={mtree.escape(entry.link).decode()}"
        self._listed.add(line(path, "link", (0o777, owner, entry.mtime), {}, more))

    def _fifo(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        owner = (entry.uid, entry.gid)
        tree.make_fifo(parent, name, owner, entry.mode, entry.mtime)
        self._listed.add(line(path, "fifo", (entry.mode, owner, entry.mtime), {}, ""))

    def _hardlink(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        raise NotImplementedError

    def _link(self, entry: Entry, parent: int, name: bytes, path: bytes, target: bytes) -> None:
        """A second name of the file `target`. Raises FileNotFoundError when that is not there."""
        shown = f"hard link {safe(entry.name, 200)!r} to {safe(entry.link, 200)!r}"
        upper, _slash, last = target.rpartition(b"/")
        keep = os.dup(parent)  # opening the other directory may close this one
        try:
            source = self._dir(upper)
            info = os.stat(last, dir_fd=source, follow_symlinks=False)
            if stat.S_ISREG(info.st_mode):
                listed = self._linked_file(path, source, last, info)
            elif stat.S_ISLNK(info.st_mode) and self.LINKS_TO_LINKS:
                more = f" link={mtree.escape(os.readlink(last, dir_fd=source)).decode()}"
                owner = (info.st_uid, info.st_gid)
                listed = line(path, "link", (0o777, owner, info.st_mtime_ns), {}, more)
            else:
                raise broken(f"{shown}, which is not a regular file")
            tree.make_hardlink(keep, name, source, last)
        except NotADirectoryError:
            raise broken(f"{shown}, which leads through a link or a file") from None
        finally:
            os.close(keep)
        self._listed.add(listed)

    def _linked_file(self, path: bytes, parent: int, name: bytes, info: os.stat_result) -> bytes:
        """The line of a further name of a file."""
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            digest = self._linked.get(info.st_ino)
            if digest is None:
                digest = self._remember(info.st_ino, bytes.fromhex(mtree.file_digest(fd)))
            kept = {attr: os.getxattr(fd, attr) for attr in os.listxattr(fd) if is_kept(attr)}
        finally:
            os.close(fd)
        meta = (stat.S_IMODE(info.st_mode), (info.st_uid, info.st_gid), info.st_mtime_ns)
        more = f" size={info.st_size} sha256digest={digest.hex()}"
        return line(path, "file", meta, kept, more)

    def _remember(self, inode: int, digest: bytes) -> bytes:
        """Keep a file's digest for its further names, so that it is read once."""
        if len(self._linked) >= MAX_LINKED:
            raise broken(f"more than {MAX_LINKED} of its files have several names")
        self._linked[inode] = digest
        return digest

    def _device(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        if not self._in_dev(path):
            raise broken(
                f"{safe(entry.name, 200)!r} is a device node, which an image may not bring"
            )
        self._left_out += 1

    def _in_dev(self, path: bytes) -> bool:
        """Whether device nodes may be left out there: every pod gets a `/dev` of its own."""
        return path.rpartition(b"/")[0] == b"dev"


def _host_error(err: OSError, path: str) -> HostError:
    hint = "make room and try again" if err.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    reason = "disk-full" if hint else "host-failed"
    what = f" ({safe(err.filename, 200)})" if err.filename else ""
    message = f"cannot unpack the image below {path}: {err.strerror or err}{what}"
    return HostError(message, hint, object=path, reason=reason, stage="render")


def directory_meta(entry: Entry) -> tuple[tuple[int, int], int, dict[str, bytes]]:
    """(owner, mode, attributes) of a directory's member."""
    return (entry.uid, entry.gid), entry.mode, attributes(entry) if entry.xattrs else {}


def attributes(entry: Entry) -> dict[str, bytes]:
    """The extended attributes that are kept."""
    out: dict[str, bytes] = {}
    for raw, content in entry.xattrs.items():
        name = os.fsdecode(raw)
        shown = f"attribute {safe(raw, 80)!r} of {safe(entry.name, 200)!r}"
        if "\0" in name or len(raw) > 255 or len(content) > MAX_ATTRIBUTE:
            raise broken(f"{shown} is malformed or too long")
        if name == "security.capability" and (len(content) != 20 or content[3] != 2):
            raise broken(f"{shown} is not a version 2 file capability")
        if is_kept(name):
            out[name] = content
    return out


def is_kept(name: str) -> bool:
    """Whether an attribute of this name is kept."""
    return name == "security.capability" or (
        name.startswith("user.") and not name.startswith("user.overlay.")
    )
