# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files below a directory that we do not trust: resolved by the kernel, never leaving it.

openat2(2) with RESOLVE_IN_ROOT treats the directory as `/` for links and `..`; magic links
(`/proc/self/fd/7`) are never followed.
"""

from __future__ import annotations

import ctypes
import errno
import os

from podwright.kernel import calls, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

NO_XDEV = 0x01
NO_MAGICLINKS = 0x02
NO_SYMLINKS = 0x04
BENEATH = 0x08
IN_ROOT = 0x10

PATH = os.O_PATH | os.O_CLOEXEC
DIRECTORY = PATH | os.O_DIRECTORY
STRICT = BENEATH | NO_SYMLINKS | NO_MAGICLINKS


class _How(ctypes.Structure):
    """struct open_how of openat2(2)."""

    _fields_ = [
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    ]


def open_at(root: int, path: str, flags: int, resolve: int, mode: int = 0) -> int:
    """openat2(2); retries the EAGAIN that a rename in another process may cause."""
    how = _How(flags | os.O_CLOEXEC, mode, resolve)
    name = os.fsencode(path)
    for attempt in range(64):
        try:
            return calls.read_only_syscall(
                "openat2", calls.OPENAT2, root, name, how, ctypes.sizeof(how)
            )
        except calls.CallError as err:
            if err.errno != errno.EAGAIN or attempt == 63:
                raise
    raise AssertionError("unreachable")


def open_in_root(root: int, path: str, flags: int = PATH) -> int:
    """Open `path` as a process that is chrooted into `root` would see it."""
    return open_at(root, path.lstrip("/") or ".", flags, IN_ROOT | NO_MAGICLINKS)


def open_strict(root: int, path: str, flags: int = PATH) -> int:
    """Open `path` below `root`; any symbolic link on the way is ELOOP."""
    return open_at(root, path, flags, STRICT)


def read_in_root(root: int, path: str, limit: int) -> Optional[bytes]:
    """The content of a regular file as seen in `root`; None when it does not exist.

    Raises OSError: EFBIG beyond `limit` bytes, EINVAL for anything but a regular file.
    """
    try:
        # O_NONBLOCK: a FIFO in the image must not stop us.
        fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    return _read(fd, path, limit)


def read_regular(directory: str, path: str, limit: int) -> bytes:
    """The content of a regular file below a directory of ours, without any link on the way.

    Raises OSError: EFBIG beyond `limit` bytes, EINVAL for anything but a regular file.
    """
    top = os.open(directory, DIRECTORY)
    try:
        fd = open_strict(top, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as err:
        raise OSError(err.errno, os.strerror(err.errno or 0), path) from None
    finally:
        os.close(top)
    return _read(fd, path, limit)


def _read(fd: int, path: str, limit: int) -> bytes:
    import stat

    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        data = b""
        while True:
            piece = os.read(fd, 65536)
            if not piece:
                return data
            data += piece
            if len(data) > limit:
                raise OSError(errno.EFBIG, f"larger than {limit} bytes", path)
    finally:
        os.close(fd)


def make_dirs(root: int, path: str, mode: int = 0o755) -> int:
    """Open the directory `path` as seen in `root`, making what is missing; returns its fd.

    Raises OSError when something on the way is no directory, or a link to nowhere.
    """
    path = "/".join(part for part in path.split("/") if part) or "."
    try:
        return open_in_root(root, path, DIRECTORY)
    except OSError as err:
        if err.errno != errno.ENOENT or path == ".":
            raise
    above, _, name = path.rpartition("/")
    parent = make_dirs(root, above, mode)
    try:
        fs.mkdir_missing(name, mode, parent)
    finally:
        os.close(parent)
    return open_in_root(root, path, DIRECTORY)
