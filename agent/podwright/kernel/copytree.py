# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A faithful copy of a root file system: owners, modes, times, links, attributes, devices.

Where the file system can, copies share their blocks with the original (reflink).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from podwright.kernel import fs
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PIECE = 1 << 24
FICLONE = 0x40049409
"""ioctl_ficlone(2): share the blocks of another file (btrfs, xfs)."""
DEEPEST = 256
"""Directories within each other that are copied; each of them is open meanwhile."""
NOBODY = 65534
OPAQUE = "trusted.overlay.opaque"


def copy_layers(
    trees: tuple[str, ...],
    target: str,
    keep: Optional[Callable[[bytes], bool]] = None,
    shift: int = 0,
) -> None:
    """Copy what the directories `trees`, top first, show as an overlay into the empty `target`.

    The whiteouts of overlayfs (character device 0:0, attribute trusted.overlay.opaque) take away
    what lower directories have; nothing is followed, a link where an upper layer has a directory
    is replaced; sockets are left out. Raises OSError; what was copied until then stays.

    keep   whether to copy what is not a directory, by its path below the target
    shift  added to the number of every owner and group, see `shifted`
    """
    onto = ""
    for tree in reversed(trees):
        _copy(tree, target, _Copy(onto, keep, shift))
        onto = target


def shifted(number: int, shift: int) -> int:
    """An owner of an image as the host counts it; numbers above 65535 become nobody's."""
    return number if not shift else shift + (number if number < NOBODY + 2 else NOBODY)


def _copy(source: str, target: str, run: _Copy) -> None:
    step("copy")
    here = os.open(source, DIRECTORY)
    there = os.open(target, DIRECTORY)
    try:
        run.directory(here, there)
        run.finish(there, here, os.fstat(here))
    finally:
        os.close(here)
        os.close(there)


def copy_open(source: int, target: int, shift: int = 0) -> None:
    """Copy an open directory, with owner, mode and times, into an open empty one."""
    step("copy")
    run = _Copy(shift=shift)
    run.directory(source, target)
    run.finish(target, source, os.fstat(source))


def is_whiteout(found: os.stat_result) -> bool:
    """Whether it is what overlayfs takes for "not here"."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def is_opaque(directory: int) -> bool:
    """Whether a directory hides what lower layers have in it."""
    try:
        return os.getxattr(directory, OPAQUE) == b"y"
    except OSError:
        return False


class _Copy:
    """One run; remembers files with several names, so that they stay one file.

    onto   path of the target when there may be something in it already, else ""
    keep   whether to copy what is not a directory, by its path
    shift  added to the number of every owner and group
    """

    def __init__(
        self, onto: str = "", keep: Optional[Callable[[bytes], bool]] = None, shift: int = 0
    ) -> None:
        self.seen: dict[tuple[int, int], str] = {}
        self._onto = onto
        self._keep = keep
        self._clones = True
        self._shift = shift

    def directory(self, here: int, there: int, prefix: str = "") -> None:
        if prefix.count("/") > DEEPEST:
            text = f"directories are nested deeper than {DEEPEST} levels"
            raise OSError(errno.ENAMETOOLONG, text)
        with os.scandir(here) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            self._entry(here, there, name, prefix)

    def _entry(self, here: int, there: int, name: str, prefix: str) -> None:
        found = os.lstat(name, dir_fd=here)
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFDIR:
            below = os.open(name, DIRECTORY, dir_fd=here)
            if not (self._onto and self._is_below(there, name, below, prefix)):
                os.mkdir(name, 0o700, dir_fd=there)
            new = os.open(name, DIRECTORY, dir_fd=there)
            try:
                self.directory(below, new, f"{prefix}{name}/")
                self.finish(new, below, found)
            finally:
                os.close(below)
                os.close(new)
            return
        if self._onto:
            self._clear(there, name, prefix)
        if kind == stat.S_IFSOCK or is_whiteout(found):
            return
        if self._keep is not None and not self._keep(os.fsencode(prefix + name)):
            return
        if self._linked(there, name, prefix, found):
            return
        if kind == stat.S_IFREG:
            self._file(here, there, name, found)
        else:
            self._special(here, there, name, found)

    def _is_below(self, there: int, name: str, upper: int, prefix: str) -> bool:
        """Whether a directory of this name is there to be merged with; makes room otherwise."""
        try:
            known = os.lstat(name, dir_fd=there)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(known.st_mode) and not is_opaque(upper):
            return True
        self._clear(there, name, prefix)
        return False

    def _clear(self, there: int, name: str, prefix: str) -> None:
        """Remove what a lower layer has here."""
        try:
            known = os.lstat(name, dir_fd=there)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(known.st_mode):
            fs.remove_tree(f"{self._onto}/{prefix}{name}")
        else:
            os.unlink(name, dir_fd=there)

    def _linked(self, there: int, name: str, prefix: str, found: os.stat_result) -> bool:
        """Whether another name of this file was copied before, and is now linked to."""
        if found.st_nlink == 1:
            return False
        key = (found.st_dev, found.st_ino)
        first = self.seen.setdefault(key, prefix + name)
        if first == prefix + name:
            return False
        up = "../" * prefix.count("/")
        os.link(up + first, name, src_dir_fd=there, dst_dir_fd=there, follow_symlinks=False)
        return True

    def _file(self, here: int, there: int, name: str, found: os.stat_result) -> None:
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(name, flags, 0o600, dir_fd=there)
        try:
            self._clones = self._clones and _clone(target, source)
            if not self._clones:
                _pour(target, source, found.st_size)
            self.finish(target, source, found)
        finally:
            os.close(source)
            os.close(target)

    def _special(self, here: int, there: int, name: str, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(name, dir_fd=here), name, dir_fd=there)
        else:
            os.mknod(name, found.st_mode, found.st_rdev, dir_fd=there)
            os.chmod(name, stat.S_IMODE(found.st_mode), dir_fd=there)
        uid, gid = self._owner(found)
        os.chown(name, uid, gid, dir_fd=there, follow_symlinks=False)
        times = (found.st_atime_ns, found.st_mtime_ns)
        os.utime(name, ns=times, dir_fd=there, follow_symlinks=False)

    def _owner(self, found: os.stat_result) -> tuple[int, int]:
        return shifted(found.st_uid, self._shift), shifted(found.st_gid, self._shift)

    def finish(self, target: int, source: int, found: os.stat_result) -> None:
        """Owner before attributes and mode, since chown clears setuid bits and capabilities."""
        os.fchown(target, *self._owner(found))
        for name in os.listxattr(source):
            if name.startswith(("user.", "security.capability")):
                os.setxattr(target, name, os.getxattr(source, name))
        os.fchmod(target, stat.S_IMODE(found.st_mode))
        os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _pour(target: int, source: int, size: int) -> None:
    """Copy what is in a file, and leave out its holes."""
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as err:
            if err.errno != errno.ENXIO:
                raise
            break  # nothing but a hole is left
        end = os.lseek(source, start, os.SEEK_HOLE)
        os.lseek(target, start, os.SEEK_SET)
        while start < end:
            done = os.sendfile(target, source, start, min(PIECE, end - start))
            if not done:
                return
            start += done
    os.ftruncate(target, size)


def _clone(target: int, source: int) -> bool:
    """Let a file share the blocks of another; False where the file system cannot."""
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as err:
        if err.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY):
            raise
        return False
    return True
