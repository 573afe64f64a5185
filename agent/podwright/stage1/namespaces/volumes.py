# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make volumes and mount them into apps' roots, by descriptor (threats.md T65, T66)."""

from __future__ import annotations

import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.mountplan import Bind, EmptyVolume
    from podwright.stage1.namespaces.plan import AppPlan


def make(volume: EmptyVolume) -> None:
    """Make an empty volume, unless something was prepared in its place."""
    fs.ensure_dir(os.path.dirname(volume.path))
    try:
        fs.mkdir(volume.path, volume.mode)
    except FileExistsError:
        return
    os.chown(volume.path, volume.uid, volume.gid)


def bind_late(root: int, bases: dict[str, int], app: AppPlan) -> None:
    """Volumes in /dev and /sys, or in place of /sys."""
    for volume in app.late_binds:
        base, _, below = volume.where[1:].partition("/")
        if below and base in bases:
            bind(bases[base], below, volume, app.name)
        else:
            bind(root, volume.where, volume, app.name)


def bind(base: int, where: str, volume: Bind, app: str) -> None:
    """Bind a volume. Its source is resolved once; its target inside the app's root only."""
    try:
        mount = mounts.clone(
            mounts.AT_FDCWD, volume.source, recursive=volume.recursive, follow=True
        )
    except CallError as err:
        raise LaunchError(
            f"app {app}: volume source {safe(volume.source, 120)}: {err.strerror}",
            "make it, or correct the volume",
            object=app,
        ) from err
    try:
        mode = os.fstat(mount).st_mode
        device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        limits = mounts.NOSUID | (0 if device else mounts.NODEV)
        limits |= mounts.RDONLY if volume.read_only else 0
        mounts.restrict(mount, limits, recursive=volume.recursive)
        make = beneath.make_dirs if stat.S_ISDIR(mode) else beneath.make_file
        try:
            target = make(base, where)
        except OSError as err:
            raise LaunchError(
                f"app {app}: mount target {safe(volume.where, 120)}: {err.strerror}",
                "something in its image is in the way",
                object=app,
            ) from err
        mounts.attach(mount, target)
        os.close(target)
    finally:
        os.close(mount)
