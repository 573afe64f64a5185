# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files at paths that somebody has chosen, where nobody else may lead root to another file.

No part of the path is a link, every directory on the way is root's or ours, and nobody puts files
of others' aside there; the file is a regular one of root's or ours, with no other name. A FIFO
blocks nobody.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel.step import step

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """Open, or make, the file. Raises OSError, whose text says what is wrong with which part."""
    folder, name = os.path.split(path)
    above = _directory(folder)
    try:
        if flags & os.O_CREAT:
            step("open")
        try:
            fd = os.open(name, flags | _FLAGS, mode, dir_fd=above)
        except OSError as err:
            if err.errno in (errno.ELOOP, errno.ENXIO):
                raise _refused("it is not a regular file", path) from None
            raise
    finally:
        os.close(above)
    why = _why_not(os.fstat(fd))
    if why:
        os.close(fd)
        raise _refused(why, path)
    return fd


def _directory(path: str) -> int:
    """The directory, reached through nothing but what only root or we can change."""
    here, seen = os.open("/", _DIRECTORY), ""
    for name in path.split("/"):
        if not name or name == ".":
            continue
        seen += f"/{name}"
        try:
            inner = os.open(name, _DIRECTORY, dir_fd=here)
        except NotADirectoryError:
            link = _is_link(name, here)
            os.close(here)
            raise _refused(f"{seen} is {'a link' if link else 'no directory'}", path) from None
        except OSError:
            os.close(here)
            raise
        os.close(here)
        here, info = inner, os.fstat(inner)
        if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o1002 == 0o0002:
            os.close(here)
            raise _refused(f"others can change {seen}", path)
    return here


def _is_link(name: str, above: int) -> bool:
    import stat

    return stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)


def _why_not(info: os.stat_result) -> str:
    import stat

    if not stat.S_ISREG(info.st_mode):
        return "it is not a regular file"
    if info.st_uid not in (0, os.geteuid()):
        return "it is somebody else's"
    return "it has another name, too" if info.st_nlink > 1 else ""


def _refused(why: str, path: str) -> OSError:
    return OSError(errno.EPERM, why, path)
