# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app of flavour fly sees of the host: /dev, /proc, /sys, and the names in /etc (C5).

Mounts of the host show up in there later too, but nothing that the app mounts shows up on the
host: the copies are slaves (mount_namespaces(7)).
"""

from __future__ import annotations

import os

from podwright.kernel import beneath, fs, mounts
from podwright.stage1.contract import IMAGE
from podwright.stage1.namespaces import views

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

NAMES = ("hostname", "hosts", "resolv.conf")
MAX_FILE = 1 << 20


def put_names(root: int, plan: PodPlan) -> None:
    """Copies of the host's files, so that the app can write to its own without changing those.

    Done before any volume is there, so that one of those may take their place.
    """
    etc = beneath.make_dirs(root, "etc")
    try:
        for name in NAMES[:2] if plan.etc.resolv == IMAGE else NAMES:
            data = _read(f"/etc/{name}")
            if data is not None:
                fs.unlink(name, dir_fd=etc)
                fs.write_missing(etc, name, data)
        fs.symlink_missing("../proc/self/mounts", "mtab", etc)
    finally:
        os.close(etc)


def _read(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE)
    except FileNotFoundError:
        return None


def mount_tmp(root: int) -> None:
    """A fresh /tmp of the app's own; before the volumes, which may lie in it."""
    target = beneath.make_dirs(root, "tmp", 0o1777)
    tmp = mounts.filesystem("tmpfs", (("mode", "1777"),), mounts.NOSUID | mounts.NODEV)
    mounts.attach(tmp, target)
    os.close(tmp)
    os.close(target)


def mount_host(root: int, app: AppPlan) -> dict[str, int]:
    """The host's /dev, /proc and /sys with all that is mounted in them; descriptors by name."""
    bases = {}
    for name in ("dev", "proc", "sys"):
        target = views.mount_point(root, app.name, name)
        tree = mounts.clone(
            mounts.AT_FDCWD, f"/{name}", recursive=True, propagation=mounts.MS_SLAVE
        )
        mounts.attach(tree, target)
        os.close(target)
        bases[name] = tree
    return bases
