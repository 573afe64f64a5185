# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the members of a tree relative to an open directory, never through a link.

Every name is one path part below `parent`, made exclusively: what is there already is an error.
Order per file: content, owner, attributes, mode, time. Changing the owner clears setuid bits and
file capabilities, so these come after it.
"""

from __future__ import annotations

import os

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def open_dir(parent: int, name: bytes) -> int:
    """Open a directory; NotADirectoryError when it is anything else, links included."""
    return os.open(name, _DIR, dir_fd=parent)


def make_dir(parent: int, name: bytes) -> None:
    """A directory that only we can use until `finish_dir` gives it its mode."""
    step("mkdir")
    os.mkdir(name, 0o700, dir_fd=parent)


def make_file(
    parent: int,
    name: bytes,
    content: Iterable[memoryview],
    owner: tuple[int, int],
    mode: int,
    mtime: int,
    attributes: dict[str, bytes],
) -> None:
    """A regular file; `mtime` is in nanoseconds."""
    step("open")
    fd = os.open(name, _NEW, 0o600, dir_fd=parent)
    try:
        for view in content:
            step("write")
            written = os.write(fd, view)
            while written < len(view):
                written += os.write(fd, view[written:])
        _finish(fd, owner, mode, mtime, attributes)
    finally:
        os.close(fd)


def finish_dir(
    fd: int, owner: tuple[int, int], mode: int, mtime: int, attributes: dict[str, bytes]
) -> None:
    """Owner, attributes, mode and time of a directory, once nothing more is made in it."""
    _finish(fd, owner, mode, mtime, attributes)


def make_symlink(
    parent: int, name: bytes, target: bytes, owner: tuple[int, int], mtime: int
) -> None:
    """A symbolic link; its target is text, nothing looks at it."""
    step("symlink")
    os.symlink(target, name, dir_fd=parent)
    _give(parent, name, owner)
    os.utime(name, ns=(mtime, mtime), dir_fd=parent, follow_symlinks=False)


def make_hardlink(parent: int, name: bytes, source_parent: int, source: bytes) -> None:
    """A second name of an existing file."""
    step("link")
    os.link(source, name, src_dir_fd=source_parent, dst_dir_fd=parent, follow_symlinks=False)


def make_fifo(parent: int, name: bytes, owner: tuple[int, int], mode: int, mtime: int) -> None:
    """A named pipe, which is never opened."""
    step("mkfifo")
    os.mkfifo(name, 0o600, dir_fd=parent)
    _give(parent, name, owner)
    os.chmod(name, mode, dir_fd=parent)
    os.utime(name, ns=(mtime, mtime), dir_fd=parent, follow_symlinks=False)


def _give(parent: int, name: bytes, owner: tuple[int, int]) -> None:
    """Change the owner where it is not right: below a setgid directory the group is not ours."""
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if owner != (found.st_uid, found.st_gid):
        step("chown")
        os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)


def _finish(
    fd: int, owner: tuple[int, int], mode: int, mtime: int, attributes: dict[str, bytes]
) -> None:
    found = os.fstat(fd)
    if owner != (found.st_uid, found.st_gid):
        step("chown")
        os.fchown(fd, *owner)
    for name, value in attributes.items():
        step("setxattr")
        os.setxattr(fd, name, value)
    step("chmod")
    os.fchmod(fd, mode)
    os.utime(fd, ns=(mtime, mtime))
