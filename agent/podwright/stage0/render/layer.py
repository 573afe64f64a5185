# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack a layer (OCI image-spec v1.1, layer.md) as an overlayfs lower directory of its own.

Names are relative to the root, whether written `x`, `./x` or `/x`. A path that occurs twice is
made anew, the last one wins, and nothing is followed. `.wh.X` hides X of lower layers only: a
character device 0:0, or an opaque directory when this layer has a directory X itself;
`.wh..wh..opq` makes its directory opaque; AUFS's other `.wh..wh.` names are left out. Device
nodes below `/dev` are left out, anywhere else they are refused.

What needs a lower layer (a hard link to a file there, the mode of a directory that only has
something new in it) is copied up from `lowers`; such a tree is `borrowed`: right only there.
"""

from __future__ import annotations

import os
import stat

from podwright.kernel import fs, tree
from podwright.stage0.render import mtree
from podwright.stage0.render.decompress import MAX_PLAIN
from podwright.stage0.render.lowers import Lowers, is_whiteout
from podwright.stage0.render.mtreewriter import line
from podwright.stage0.render.tarfields import broken
from podwright.stage0.render.tarread import DIRECTORY, FILE, HARDLINK
from podwright.stage0.render.unpack import MAX_LINKED, Unpacked, Unpacker, directory_meta, is_kept
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Optional

    from podwright.stage0.render.feed import Feed
    from podwright.stage0.render.tarread import Entry

_WHITEOUT = b".wh."
_AUFS = b".wh..wh."
_OPAQUE = b".wh..wh..opq"


class LayerUnpacker(Unpacker):
    """See `Unpacker`.

    lowers  called when something of lower layers is needed; paths of their roots, top first
    """

    LINKS_TO_LINKS = True

    def __init__(
        self, tree_path: str, feed: Feed, lowers: Optional[Callable[[], Sequence[str]]] = None
    ) -> None:
        super().__init__(tree_path, feed)
        self._lowers = Lowers(lowers)
        self._borrowed = False
        self._again: dict[bytes, int] = {}
        self._copies: dict[tuple[int, int], tuple[bytes, int]] = {}

    def add(self, entry: Entry) -> None:
        """Make one member."""
        path = entry.name
        if path == b".":
            self._set_top(entry)
            return
        if path == b"dev" and entry.kind != DIRECTORY:
            raise broken("its '/dev' is not a directory")
        if _WHITEOUT in path and self._is_mark(path):
            if entry.kind == FILE:
                for _ in self._feed.content(entry):
                    pass
            elif not (entry.kind == HARDLINK or _AUFS in path):
                raise broken(f"{safe(path, 200)!r} has the name of a whiteout but is none")
            self._mark(path)
            return
        parent, last = self._split(path)
        try:
            self._make[entry.kind](entry, parent, last, path)
        except FileExistsError:
            self._make_room(path)
            parent, last = self._split(path)
            self._make[entry.kind](entry, parent, last, path)

    def finish(self) -> Unpacked:
        """Finish the directories and the list."""
        return replace(super().finish(), borrowed=self._borrowed)

    def _finish_directory(self, path: bytes, mode: int, mtime: int) -> None:
        """Only the last of several members counts."""
        if self._again.get(path, 0):
            self._again[path] -= 1
            return
        super()._finish_directory(path, mode, mtime)

    def _is_mark(self, path: bytes) -> bool:
        """Whether this is a whiteout, or AUFS's; refuses what looks like one and is not."""
        *above, last = path.split(b"/")
        if any(part.startswith(_AUFS) for part in above):
            return True
        if any(part.startswith(_WHITEOUT) for part in above):
            raise broken(f"{safe(path, 200)!r} lies in what has the name of a whiteout")
        return last.startswith(_WHITEOUT)

    def _mark(self, path: bytes) -> None:
        """Hide what lower layers have."""
        above, _, last = path.rpartition(b"/")
        if last == _OPAQUE:
            tree.make_opaque(self._parent(above) if above else self._open[b""])
            return
        if _AUFS in path:
            self._left_out += 1
            return
        name = last[len(_WHITEOUT) :]
        if name in (b"", b".", b".."):
            raise broken(f"{safe(path, 200)!r} is a whiteout of nothing")
        target = b"/".join((above, name)) if above else name
        parent, _ = self._split(target)
        try:
            tree.make_whiteout(parent, name)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                tree.make_opaque(self._dir(target))
            return
        self._listed.add(line(target, "char", (0, (0, 0), 0), {}, ""))

    def _make_room(self, path: bytes) -> bool:
        """Remove what an earlier member made of this path; whether it was a whiteout."""
        parent, name = self._split(path)
        self._listed.forget(path)
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode):
            tree.remove(parent, name)
            return is_whiteout(found)
        below = path + b"/"
        for known in [key for key in self._open if key == path or key.startswith(below)]:
            os.close(self._open.pop(known))
        gone = {key for key in self._implied if key == path or key.startswith(below)}
        self._implied -= gone
        parent, name = self._split(path)
        fs.remove_tree_at(parent, os.fsdecode(name))
        return False

    def _directory(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        try:
            super()._directory(entry, parent, name, path)
        except FileExistsError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                self._update_directory(entry, path)
                return
            self._make_room(path)
            super()._directory(entry, parent, name, path)
            # What had this name hid the directory of lower layers, if there is one.
            tree.make_opaque(self._dir(path))

    def _update_directory(self, entry: Entry, path: bytes) -> None:
        """A directory that is there already, with everything in it, gets what the member says."""
        fd = self._dir(path)
        tree.clear_dir(fd)
        tree.set_dir(fd, *directory_meta(entry))
        self._again[path] = self._again.get(path, 0) + 1
        self._times.add(path, entry.mode, entry.mtime)

    def _imply(self, parent: int, name: bytes, path: bytes) -> None:
        """A directory that lower layers have keeps what it is there."""
        self._borrowed = True
        try:
            found = self._lowers.find(path)
        except NotADirectoryError:
            found = None
        if found is None:
            super()._imply(parent, name, path)
            return
        fd, last, info = found
        try:
            if not stat.S_ISDIR(info.st_mode):
                raise broken(
                    f"{safe(path, 200)!r} is a directory here, a link or file in a layer below"
                )
            kept = _attributes(fd, last, os.O_DIRECTORY)
        finally:
            os.close(fd)
        self._count_directory()
        tree.make_dir(parent, name)
        mode = stat.S_IMODE(info.st_mode)
        self._set_directory(parent, name, ((info.st_uid, info.st_gid), mode, kept))
        self._times.add(path, mode, info.st_mtime_ns)

    def _in_dev(self, path: bytes) -> bool:
        return path.startswith(b"dev/")

    def _hardlink(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        keep = os.dup(parent)  # looking for the target may close this one
        try:
            self._link(entry, keep, name, path, entry.link)
        except FileNotFoundError:
            self._borrow(entry, keep, name, path)
        finally:
            os.close(keep)

    def _borrow(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        """A hard link to a file of a lower layer: the file is copied up, once."""
        shown = f"hard link {safe(entry.name, 200)!r} to {safe(entry.link, 200)!r}"
        self._borrowed = True
        try:
            found = None if self._hidden(entry.link) else self._lowers.find(entry.link)
        except NotADirectoryError:
            raise broken(f"{shown}, which leads through a link or a file") from None
        if found is None:
            raise broken(f"{shown}, which is not there")
        fd, last, info = found
        try:
            if not stat.S_ISREG(info.st_mode):
                raise broken(f"{shown}, which is not a regular file")
            known = self._copies.get((info.st_dev, info.st_ino))
            if known is None or not self._is_copy(known):
                self._copy_up(fd, last, info, (parent, name, path))
                return
        finally:
            os.close(fd)
        self._link(entry, parent, name, path, known[0])

    def _is_copy(self, known: tuple[bytes, int]) -> bool:
        """Whether a copy that was made is still where it was made."""
        above, _, name = known[0].rpartition(b"/")
        try:
            parent = self._dir(above)
            return os.stat(name, dir_fd=parent, follow_symlinks=False).st_ino == known[1]
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _copy_up(
        self, fd: int, last: bytes, info: os.stat_result, to: tuple[int, bytes, bytes]
    ) -> None:
        parent, name, path = to
        self._size += info.st_size
        if self._size > MAX_PLAIN:
            raise broken(
                f"with what it takes from lower layers it is larger than {MAX_PLAIN} bytes"
            )
        kept = _attributes(fd, last, 0)
        source = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            owner, mode = (info.st_uid, info.st_gid), stat.S_IMODE(info.st_mode)
            content = iter(lambda: memoryview(os.read(source, 256 * 1024)), b"")
            tree.make_file(parent, name, content, owner, mode, info.st_mtime_ns, kept)
            digest = mtree.file_digest(source)
        finally:
            os.close(source)
        if len(self._copies) >= MAX_LINKED:
            raise broken(f"more than {MAX_LINKED} of its files are links to lower layers")
        own = os.stat(name, dir_fd=parent, follow_symlinks=False)
        self._copies[info.st_dev, info.st_ino] = (path, own.st_ino)
        more = f" size={info.st_size} sha256digest={digest}"
        self._listed.add(line(path, "file", (mode, owner, info.st_mtime_ns), kept, more))

    def _hidden(self, path: bytes) -> bool:
        """Whether this layer itself hides what lower layers have at a path."""
        at = path.rpartition(b"/")[0]
        while at:
            try:
                if tree.OPAQUE in os.listxattr(self._dir(at)):
                    return True
            except FileNotFoundError:
                pass
            at = at.rpartition(b"/")[0]
        return tree.OPAQUE in os.listxattr(self._open[b""])


def _attributes(parent: int, name: bytes, kind: int) -> dict[str, bytes]:
    """The kept attributes of a file or directory of a lower layer."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=parent)
    try:
        return {attr: os.getxattr(fd, attr) for attr in os.listxattr(fd) if is_kept(attr)}
    finally:
        os.close(fd)
