# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that are to be what an image holds: written once, left alone as long as they are that.

Whether one is that is found out by making the image's files once more, in the store, and comparing all that an image
can have: names, kinds, content, owners, modes, times, links, attributes.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import UsageError
from podwright.stage0 import export, storewriter
from podwright.stage0.build import archive, members, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MAX_MANIFEST = 4 * 1024 * 1024


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
        with export.Place(target, overwrite, stat.S_IFDIR):
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
        there = _root(found) if rootfs_only else _both(found)
        if there is None:
            return False
        with storewriter.Workspace(layout, "export") as work:
            export.fill(layout, image, f"{work.path}/new", whole=whole, rootfs_only=rootfs_only)
            made = os.open(f"{work.path}/new{'/rootfs' if rootfs_only else ''}", _DIR)
            try:
                return there == (_root(made) if rootfs_only else _both(made))
            finally:
                os.close(made)
    finally:
        os.close(found)


def _both(fd: int) -> Optional[tuple[bytes, str]]:
    """The manifest, and what stands for `rootfs`, where there is nothing but these two."""
    if sorted(os.listdir(fd)) != ["manifest", "rootfs"]:
        return None
    try:
        with open(os.open("manifest", _FILE, dir_fd=fd), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            manifest = file.read(MAX_MANIFEST)
        root = os.open("rootfs", _DIR, dir_fd=fd)
    except OSError:
        return None
    try:
        found = _root(root)
    finally:
        os.close(root)
    return None if found is None else (manifest, found[1])


def _root(fd: int) -> Optional[tuple[bytes, str]]:
    """What stands for a tree; None for one with what no image has."""
    strange: list[str] = []
    try:
        found = scan.members(f"/proc/self/fd/{fd}", scan.Rules(), strange.append)
        digest = archive.digest(members.archive(found, b"rootfs/", b""), lambda _: None)
    except UsageError:
        return None
    return None if strange else (b"", digest)
