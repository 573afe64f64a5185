# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what interrupted fetches left in the store; gc calls it."""

from __future__ import annotations

import os
import stat
import time

from podwright.errors import StoreError
from podwright.host.lock import try_lock
from podwright.kernel import fs
from podwright.stage0 import store, storewriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout

PARTIAL_DAYS = 1
"""How long a partial download is kept to be continued, and one in the inbox to be taken."""


def sweep_tmp(layout: Layout) -> list[str]:
    """Remove work that its process left behind, partial downloads of yesterday, and trees
    without an image.

    Returns the names of what went.
    """
    gone = []
    if not store.check(layout) or not os.path.lexists(layout.trees):
        return []
    for name in sorted(os.listdir(layout.tmp)):
        path = f"{layout.tmp}/{name}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            info = os.fstat(fd)
            old = info.st_mtime < time.time() - PARTIAL_DAYS * 86400
            if (stat.S_ISDIR(info.st_mode) or old or _abandoned(name)) and try_lock(fd):
                fs.remove_tree(path)
                gone.append(name)
        finally:
            os.close(fd)
    gone += _sweep_machines(layout)
    return gone + _sweep_halves(layout) + _sweep_trees(layout) + _sweep_inbox(layout)


def _sweep_machines(layout: Layout) -> list[str]:
    """Remove the first file systems of machines whose stage1 image is gone."""
    directory = f"{layout.data}/cache/machines"
    if not os.path.isdir(directory):
        return []
    from podwright.stage1.kvm import initrd

    return initrd.sweep(directory, lambda: store.image_ids(layout))


def _abandoned(name: str) -> bool:
    """Whether it is the new half of an atomic write (`fs.write_atomic`) whose writer is gone."""
    return bool(fs.unfinished(name)) and not os.path.exists(f"/proc/{name.split('.')[-2]}")


def _sweep_halves(layout: Layout) -> list[str]:
    """Remove the new halves of atomic writes that were killed, beside what they were to replace."""
    gone = []
    for above in (layout.trees, layout.images, layout.named):
        for place in os.listdir(above) if os.path.isdir(above) else ():
            path = f"{above}/{place}"
            for name in os.listdir(path) if os.path.isdir(path) else ():
                if _abandoned(name):
                    fs.unlink(f"{path}/{name}")
                    gone.append(name)
    return gone


def _sweep_trees(layout: Layout) -> list[str]:
    """Remove trees whose image was never published, or is already removed.

    Layers of an interrupted fetch are kept for its next try, as partial downloads are.
    """
    with store.lock(layout, "sweeping trees"):
        try:
            used = storewriter.used_trees(layout)
        except StoreError:
            return []  # what a damaged image needs, nobody knows
        orphans = [
            name
            for name in sorted(os.listdir(layout.trees))
            if name not in used and not _is_fresh_layer(f"{layout.trees}/{name}")
        ]
        for name in orphans:
            fs.remove_tree(f"{layout.trees}/{name}")
    return orphans


def _is_fresh_layer(path: str) -> bool:
    """Whether it is a complete OCI layer that came within the last day."""
    if not os.path.basename(path).startswith("sha256-"):
        return False
    try:
        made = os.stat(f"{path}/rendered").st_mtime
    except FileNotFoundError:
        return False
    return made > time.time() - PARTIAL_DAYS * 86400


def _sweep_inbox(layout: Layout) -> list[str]:
    """Remove what members have left and nobody took within a day."""
    gone = []
    for name in os.listdir(layout.inbox) if os.path.isdir(layout.inbox) else ():
        path = f"{layout.inbox}/{name}"
        try:
            if os.lstat(path).st_mtime < time.time() - PARTIAL_DAYS * 86400:
                fs.remove_tree(path)
                gone.append(name)
        except OSError:
            continue  # its owner removes or changes it just now
    return gone
