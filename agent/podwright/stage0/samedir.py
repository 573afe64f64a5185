# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that are to be what an image holds: written once, left alone as long as they are that.

Whether one is that is found out by making the image's files once more, in the store, and comparing all that an image
can have: names, kinds, content, owners, modes, times, links, attributes. Who else can write there decides what is read:
never more than the image has.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import UsageError
from podwright.stage0 import export, storewriter
from podwright.stage0.build import archive, members, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MAX_MANIFEST = 4 * 1024 * 1024
_NO_END = 1 << 63


def have(
    layout: Layout,
    image: StoredImage,
    target: str,
    *,
    whole: bool,
    rootfs_only: bool,
    overwrite: bool,
    check: bool,
) -> bool:
    """Have a directory be what `export.to_directory` writes; whether it was, or would be, written.

    Raises as that does; then the target is as it was before.
    """
    if _is(layout, image, target, whole=whole, rootfs_only=rootfs_only):
        return False
    if check:
        export.Place.check(target, overwrite, stat.S_IFDIR)
        return True
    export.to_directory(
        layout, image, target, whole=whole, rootfs_only=rootfs_only, overwrite=overwrite
    )
    return True


def _is(layout: Layout, image: StoredImage, target: str, *, whole: bool, rootfs_only: bool) -> bool:
    try:
        found = os.open(target, _DIR)
    except OSError:  # is not there, or nothing that could be it
        return False
    try:
        if not rootfs_only and not _has_both(found):
            return False
        with storewriter.Workspace(layout, "export") as work:
            export.fill(layout, image, f"{work.path}/new", whole=whole, rootfs_only=rootfs_only)
            made = os.open(f"{work.path}/new{'/rootfs' if rootfs_only else ''}", _DIR)
            try:
                known = _facts(made, rootfs_only, _NO_END)
                return known is not None and _facts(found, rootfs_only, known[-1]) == known
            finally:
                os.close(made)
    finally:
        os.close(found)


def _facts(fd: int, rootfs_only: bool, most: int) -> Optional[tuple[Any, ...]]:
    """What is compared of a directory, its size last; None for one with what no image has, or more than `most`."""
    try:
        if rootfs_only:
            return _root(fd, most)
        if not _has_both(fd):
            return None
        with open(os.open("manifest", _FILE, dir_fd=fd), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                return None
            manifest = file.read(MAX_MANIFEST)
        root = os.open("rootfs", _DIR, dir_fd=fd)
        try:
            found = _root(root, most)
        finally:
            os.close(root)
    except OSError:
        return None
    return None if found is None else (_owner(os.fstat(fd)), _owner(info), manifest, *found)


def _has_both(fd: int) -> bool:
    """Whether there is what is written where not the root alone is, and nothing else."""
    return sorted(os.listdir(fd)) == ["manifest", "rootfs"]


def _owner(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_mode, info.st_uid, info.st_gid


def _root(fd: int, most: int) -> Optional[tuple[str, int]]:
    """What stands for a tree, and its size as an archive; None as for `_facts`."""
    strange: list[str] = []
    size = 0

    def count(done: int) -> None:
        nonlocal size
        size = done
        if done > most:
            raise UsageError("there is more than in the image")

    try:
        found = scan.members(f"/proc/self/fd/{fd}", scan.Rules(), strange.append)
        digest = archive.digest(members.archive(found, b"rootfs/", b""), count)
    except (UsageError, OSError):
        return None
    return None if strange else (digest, size)
