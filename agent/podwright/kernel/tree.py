# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the members of a tree relative to an open directory, never through a link.

Every name is one path part below `parent`, made exclusively: what is there already is an error.
Order per file: content, owner, attributes, mode, time. Changing the owner clears setuid bits and
file capabilities, so these come after it.

While a tree is being made, none of its directories has the setgid bit (`set_dir` leaves it out,
`finish_dir` adds it): so what is made in it belongs to this process, and the owner is changed
only where it is another one, without asking first.
"""

from __future__ import annotations

import os
import stat

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

    Parts = Optional[tuple[tuple[int, int], ...]]

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS = (os.geteuid(), os.getegid())
OPAQUE = "trusted.overlay.opaque"


def open_dir(parent: int, name: bytes) -> int:
    """Open a directory; NotADirectoryError when it is anything else, links included."""
    return os.open(name, _DIR, dir_fd=parent)


def prepare_top(fd: int) -> None:
    """Make the top directory one that is only ours, and without a setgid bit that is inherited."""
    step("chown")
    os.fchown(fd, *_OURS)
    step("chmod")
    os.fchmod(fd, 0o700)


def latest_time(fd: int, wanted: int) -> tuple[int, int]:
    """(latest time, unit) that this file system can hold, both in nanoseconds; tried out on `fd`."""
    step("utime")
    os.utime(fd, ns=(123_456_789, 123_456_789))
    fraction = os.fstat(fd).st_mtime_ns
    unit = 1
    while unit < 10**9 and fraction % (unit * 10) == 0:
        unit *= 10
    os.utime(fd, ns=(wanted, wanted))
    return min(os.fstat(fd).st_mtime_ns, wanted), unit


def make_dir(parent: int, name: bytes) -> None:
    """A directory that only we can use until `set_dir` gives it its mode."""
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
    parts: Parts = None,
    size: int = 0,
) -> None:
    """A regular file; `mtime` is in nanoseconds. A sparse one has its content at `parts`."""
    step("open")
    fd = os.open(name, _NEW, 0o600, dir_fd=parent)
    try:
        if parts is not None:
            _write_parts(fd, content, parts, size)
        else:
            for view in content:
                step("write")
                written = os.write(fd, view)
                while written < len(view):
                    written += os.write(fd, view[written:])
        _finish(fd, owner, mode, attributes)
        os.utime(fd, ns=(mtime, mtime))
    finally:
        os.close(fd)


def _write_parts(
    fd: int, content: Iterable[memoryview], parts: tuple[tuple[int, int], ...], size: int
) -> None:
    step("truncate")
    os.ftruncate(fd, size)
    following = iter(parts)
    at = left = 0
    for piece in content:
        view = piece
        while view:
            if not left:
                at, left = next(following)
            step("write")
            written = os.pwrite(fd, view[:left], at)
            view, at, left = view[written:], at + written, left - written


def set_dir(fd: int, owner: tuple[int, int], mode: int, attributes: dict[str, bytes]) -> None:
    """Owner, attributes and mode of a directory in which more will be made; replaces earlier ones."""
    step("chown")
    os.fchown(fd, *owner)
    _finish(fd, _OURS, mode & ~stat.S_ISGID, attributes)


def finish_dir(fd: int, mode: int, mtime: int) -> None:
    """Time, and setgid bit, of a directory once nothing more is made in it."""
    if mode & stat.S_ISGID:
        step("chmod")
        os.fchmod(fd, mode)
    os.utime(fd, ns=(mtime, mtime))


def clear_dir(fd: int) -> None:
    """Remove the `user.*` attributes of a directory, which is about to get new ones."""
    for name in os.listxattr(fd):
        if name.startswith("user."):
            step("removexattr")
            os.removexattr(fd, name)


def remove(parent: int, name: bytes) -> None:
    """Remove what is no directory."""
    step("unlink")
    os.unlink(name, dir_fd=parent)


def make_opaque(fd: int) -> None:
    """Hide what lower layers have in a directory (overlayfs)."""
    step("setxattr")
    os.setxattr(fd, OPAQUE, b"y")


def make_whiteout(parent: int, name: bytes) -> None:
    """Hide what lower layers have of this name (overlayfs): a character device 0:0."""
    step("mknod")
    os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=parent)
    os.utime(name, ns=(0, 0), dir_fd=parent, follow_symlinks=False)


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
    if owner != _OURS:
        step("chown")
        os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)


def _finish(fd: int, owner: tuple[int, int], mode: int, attributes: dict[str, bytes]) -> None:
    """`owner` is left alone when it is this process."""
    if owner != _OURS:
        step("chown")
        os.fchown(fd, *owner)
    for name, value in attributes.items():
        step("setxattr")
        os.setxattr(fd, name, value)
    step("chmod")
    os.fchmod(fd, mode)
