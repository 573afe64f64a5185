# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled system call filters, kept per host and profile, so that a start need not load libseccomp."""

from __future__ import annotations

import os
import stat
import sys

from podwright.kernel import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.seccomp import Profile

FORMAT = 3
"""Part of the key; changes with the code of `filters`."""
LIBRARY = "libseccomp.so.2"
_MAX_CODE = 4096 * 8


def load(app: str, profile: Profile, directory: str) -> bytes:
    """The BPF code of a profile, from the cache in `directory` or made now and kept there.

    Raises LaunchError when the profile names a system call that libseccomp does not know.
    """
    key = f"{FORMAT} {os.uname().machine} {_library()} {profile!r}"
    path = f"{directory}/{_digest(key.encode())}"
    code = _read(path)
    if code is None:
        from podwright.stage1.namespaces import filters

        code = filters.make(app, profile)
        _keep(directory, path, code)
    return code


def _library() -> str:
    """What changes when the host's libseccomp does: its file, where it is in one of the usual places."""
    multiarch = getattr(sys.implementation, "_multiarch", "")
    for place in (f"/usr/lib/{multiarch}", "/usr/lib64", "/usr/lib"):
        try:
            found = os.stat(f"{place}/{LIBRARY}")
        except OSError:
            continue
        return f"{found.st_size} {found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns}"
    from podwright.kernel.libseccomp import Library

    return Library().version()


def _digest(data: bytes) -> str:
    # hashlib loads OpenSSL (3 ms); the interpreter's own SHA-256 has moved once.
    try:
        from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from hashlib import sha256
    return str(sha256(data).hexdigest())


def _read(path: str) -> Optional[bytes]:
    """A cached filter; None unless it is complete and nobody else could have written it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & 0o077:
            return None
        data = os.read(fd, _MAX_CODE + 65)
    finally:
        os.close(fd)
    code, check = data[:-64], data[-64:]
    return code if code and check == _digest(code).encode() else None


def _keep(directory: str, path: str, code: bytes) -> None:
    """Store a filter; a cache that cannot be written costs time, not the pod."""
    try:
        fs.ensure_dir(directory, 0o700)
        found = os.lstat(directory)
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if ours and not found.st_mode & 0o022:
            fs.write_atomic(path, code + _digest(code).encode(), 0o600, durable=False)
    except OSError:
        return
