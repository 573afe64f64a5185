# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree is, in full: to see that nothing of it has changed (harness H1), or that two are the same."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

Facts = dict[bytes, tuple[object, ...]]


def snapshot(top: Path, *, without: tuple[str, ...] = (), times: bool = True) -> Facts:
    """Every entry's path → type, mode, owner, links, size, times, attributes, link target and SHA-256.

    without  entries at the top that are left out
    times    whether the change time counts too, which shows any touch
    """
    out: Facts = {}
    base = os.fsencode(top)
    pending = [b"."]
    while pending:
        path = pending.pop()
        full = os.path.join(base, path)
        out[path] = _facts(full, times)
        if stat.S_ISDIR(os.lstat(full).st_mode):
            names = os.listdir(full)
            if path == b".":
                names = [name for name in names if os.fsdecode(name) not in without]
            pending += [os.path.join(path, name) for name in names]
    return out


def _facts(full: bytes, times: bool) -> tuple[object, ...]:
    info = os.lstat(full)
    extra: object = None
    if stat.S_ISLNK(info.st_mode):
        extra = os.readlink(full)
    elif stat.S_ISREG(info.st_mode):
        with open(full, "rb") as file:
            extra = hashlib.file_digest(file, "sha256").hexdigest()
    names = sorted(os.listxattr(full, follow_symlinks=False))
    attributes = tuple((name, os.getxattr(full, name, follow_symlinks=False)) for name in names)
    size = 0 if stat.S_ISDIR(info.st_mode) else info.st_size
    facts = (
        info.st_mode,
        info.st_uid,
        info.st_gid,
        info.st_rdev,
        size,
        info.st_mtime_ns,
        attributes,
        extra,
    )
    links = 0 if stat.S_ISDIR(info.st_mode) else info.st_nlink
    return (*facts, links, info.st_ino, info.st_ctime_ns) if times else (*facts, links)
