# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""File system calls that change state: durable writes, renames, removal that stays inside.

Order for anything another process may see (threats.md T90): write the file, fsync it,
rename it into place, fsync the directory.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional


def mkdir(path: str, mode: int = 0o700, *, dir_fd: Optional[int] = None) -> None:
    """Make one directory with exactly `mode`, whatever the umask."""
    step("mkdir")
    os.mkdir(path, 0o700, dir_fd=dir_fd)
    if mode != 0o700:
        step("chmod")
        os.chmod(path, mode, dir_fd=dir_fd)


def ensure_dir(path: str, mode: int = 0o700) -> None:
    """Make a directory and its missing parents (parents 0755); an existing one is kept."""
    try:
        mkdir(path, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        ensure_dir(os.path.dirname(path), 0o755)
        ensure_dir(path, mode)


def fsync(fd: int) -> None:
    """Make what is open durable: a file's content, a directory's entries."""
    step("fsync")
    os.fsync(fd)


def fsync_dir(path: str) -> None:
    """Make the directory's entries durable."""
    step("fsync")
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def rename(source: str, target: str, *, durable: bool = True) -> None:
    """rename(2), then fsync of both parents when `durable`."""
    step("rename")
    os.rename(source, target)
    if durable:
        parents = {os.path.dirname(source), os.path.dirname(target)}
        for parent in sorted(parents):
            fsync_dir(parent or ".")


def write_new(
    path: str,
    data: bytes,
    mode: int = 0o600,
    *,
    durable: bool = True,
    dir_fd: Optional[int] = None,
) -> None:
    """Create `path`, which must not exist, with exactly `data`; no partial file survives."""
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600, dir_fd=dir_fd)
    try:
        try:
            write_all(fd, data)
            if mode != 0o600:
                os.fchmod(fd, mode)
            if durable:
                step("fsync")
                os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        os.unlink(path, dir_fd=dir_fd)
        raise


def write_atomic(path: str, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Replace `path` by a file with exactly `data`: old or new content, never a mixture."""
    temporary = f"{path}.{os.getpid()}.new"
    unlink(temporary)
    write_new(temporary, data, mode, durable=durable)
    try:
        step("rename")
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    if durable:
        fsync_dir(os.path.dirname(path) or ".")


def unfinished(name: str) -> str:
    """What the new half of a `write_atomic` was to become, when `name` is that of one, else ""."""
    target, _, rest = name.rpartition(".new")[0].rpartition(".")
    return target if name.endswith(".new") and rest.isascii() and rest.isdigit() else ""


def remove_unfinished(directory: str, wanted: Callable[[str], bool]) -> None:
    """Remove new halves of `write_atomic` that were killed. Only under the lock of those who write there.

    wanted  says for the name that it was to get whether a half is the caller's to remove
    """
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        target = unfinished(name)
        if target and wanted(target):
            unlink(f"{directory}/{name}")


def replace_at(
    parent: int, name: str, data: bytes, mode: int = 0o600, *, durable: bool = True
) -> None:
    """`write_atomic` for a name in the open directory `parent`.

    A crash may leave `.NAME.new` there, which the next call removes.
    """
    temporary = f".{name}.new"
    unlink(temporary, dir_fd=parent)
    write_new(temporary, data, mode, durable=durable, dir_fd=parent)
    try:
        step("rename")
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError:
        os.unlink(temporary, dir_fd=parent)
        raise
    if durable:
        fsync(parent)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, whatever the number of calls it takes."""
    step("write")
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def symlink(target: str, path: str, *, dir_fd: Optional[int] = None) -> None:
    """Make a symbolic link at `path`."""
    step("symlink")
    os.symlink(target, path, dir_fd=dir_fd)


def unlink(path: str, *, missing_ok: bool = True, dir_fd: Optional[int] = None) -> None:
    """Remove a file or link."""
    step("unlink")
    try:
        os.unlink(path, dir_fd=dir_fd)
    except FileNotFoundError:
        if not missing_ok:
            raise


def rmdir_empty(path: str) -> bool:
    """Remove a directory; False when something is in it. A missing one is fine."""
    step("rmdir")
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError as err:
        if err.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def remove_tree(path: str) -> None:
    """Remove a directory tree without following links and without crossing a mount.

    A missing path is fine. Raises OSError (EBUSY, EXDEV, EPERM) naming what is in the way;
    whatever was removed before stays removed, so that a rerun goes on.
    """
    step("remove")
    try:
        top = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(top.st_mode):
        os.unlink(path)
        return
    parent = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _remove_at(parent, os.path.basename(path), top.st_dev, path)
    finally:
        os.close(parent)


def remove_tree_at(parent: int, name: str) -> None:
    """Remove the directory `name` in the open directory `parent`, as `remove_tree` does."""
    step("remove")
    top = os.stat(name, dir_fd=parent, follow_symlinks=False)
    _remove_at(parent, name, top.st_dev, name)


DEEPEST = 64
"""Directories that are open at a time while a tree is removed."""


def _remove_at(parent: int, name: str, device: int, shown: str) -> None:
    """Remove one directory below `parent`, with few descriptors and frames however deep it is.

    Mounts of the same file system (bind mounts) are not crossed either.
    """
    from podwright.kernel import beneath

    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    # Each frame: directory fd, its name in the parent, the names still to visit.
    frames: list[tuple[int, str]] = []
    child: Optional[str] = name
    try:
        frames.append((beneath.open_at(parent, name, flags, beneath.NO_XDEV), name))
        child = None
        while frames:
            fd, own_name = frames[-1]
            if os.fstat(fd).st_dev != device:
                raise OSError(errno.EXDEV, "")
            child = _empty_but_dirs(fd)
            if child is not None:
                if len(frames) >= DEEPEST:
                    # A pod can nest directories without end: what is below comes up to the top.
                    os.rename(child, os.urandom(16).hex(), src_dir_fd=fd, dst_dir_fd=frames[0][0])
                else:
                    opened = beneath.open_at(fd, child, flags, beneath.NO_XDEV)
                    frames.append((opened, child))
                continue
            frames.pop()
            os.close(fd)
            above = frames[-1][0] if frames else parent
            child = own_name
            step("rmdir")
            os.rmdir(own_name, dir_fd=above)
    except OSError as err:
        mounted = err.errno in (errno.EXDEV, errno.EBUSY)
        why = "something is mounted there" if mounted else os.strerror(err.errno or 0)
        last = err.filename if isinstance(err.filename, str) else child or ""
        way = [shown, *(one for _, one in frames[1:]), *([last] if last != name else [])]
        raise OSError(err.errno, why, "/".join(way)) from None
    finally:
        for fd, _ in frames:
            os.close(fd)


def _empty_but_dirs(fd: int) -> Optional[str]:
    """Unlink all that is not a directory; return the first directory found, or None."""
    found = None
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found = entry.name
                if entry.name:
                    break
            else:
                os.unlink(entry.name, dir_fd=fd)
    return found


def create_at(parent: int, name: str, mode: int = 0o644) -> None:
    """Make an empty regular file in the directory `parent`; an existing entry is FileExistsError."""
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(name, flags, mode, dir_fd=parent))


def make_device(parent: int, name: str, major: int, minor: int) -> None:
    """Make a character device with mode 0666 in the directory `parent`, whatever the umask."""
    step("mknod")
    os.mknod(name, stat.S_IFCHR | 0o666, os.makedev(major, minor), dir_fd=parent)
    os.chmod(name, 0o666, dir_fd=parent)


def make_block_device(path: str, major: int, minor: int, mode: int, uid: int, gid: int) -> None:
    """Make a block device with exactly this mode and owner."""
    step("mknod")
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(major, minor))
    os.chown(path, uid, gid)
    os.chmod(path, mode)


def chown(path: str, uid: int, gid: int = -1) -> None:
    """Give what is at `path` to another owner; a link itself, not what it leads to."""
    step("chown")
    os.chown(path, uid, gid, follow_symlinks=False)


def mark_used(path: str) -> None:
    """Set the time of a file's last use, and leave that of its last change."""
    step("utime")
    os.utime(path, ns=(time.time_ns(), os.lstat(path).st_mtime_ns), follow_symlinks=False)


def mkdir_missing(name: str, mode: int, parent: int) -> None:
    """Make a directory in the directory `parent` unless something of that name is there."""
    try:
        mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return


def symlink_missing(target: str, name: str, parent: int) -> None:
    """Make a link in the directory `parent` unless something of that name is there."""
    try:
        symlink(target, name, dir_fd=parent)
    except FileExistsError:
        return


def write_missing(parent: int, name: str, data: bytes, mode: int = 0o644) -> None:
    """Make a file in the directory `parent` unless something of that name is there."""
    try:
        step("open")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, mode, dir_fd=parent)
    except FileExistsError:
        return
    try:
        write_all(fd, data)
    finally:
        os.close(fd)
