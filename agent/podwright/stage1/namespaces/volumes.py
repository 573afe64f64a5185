# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make volumes and mount them into apps' roots, by descriptor (threats.md T65, T66)."""

from __future__ import annotations

import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.kernel.step import step
from podwright.stage1.namespaces import targets
from podwright.stage1.namespaces.plan import THERE
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.mountplan import Bind, EmptyVolume
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage1.namespaces.sources import Pins
    from podwright.stage1.namespaces.users import Users

MEMORY = "rkt/volumes"
"""Where the pod's own root has the volumes in memory; no app sees that root."""


def on_host(plan: PodPlan) -> bool:
    """Whether any volume or secret has a source on the host."""
    return bool(plan.secrets) or any(
        bind.kind in ("host", "device") for app in plan.apps for bind in app.binds + app.late_binds
    )


def pin(plan: PodPlan) -> Optional[Pins]:
    """Resolve the sources of the pod's volumes, see `sources.pin`; None when there are none."""
    if plan.machine == THERE or not on_host(plan):
        return None
    from podwright.stage1.namespaces import sources

    return sources.pin(plan)


def with_devices(plan: PodPlan) -> PodPlan:
    """The plan with the devices among its volumes, see `sources.with_devices`."""
    if not on_host(plan):
        return plan
    from podwright.stage1.namespaces import sources

    return sources.with_devices(plan)


def make(pod: int, volume: EmptyVolume, plan: PodPlan, shift: int = 0) -> None:
    """Make an empty volume, unless something was prepared in its place.

    shift  added to owners on disk, where they cannot be mapped
    """
    if volume.memory:
        _make_in_memory(pod, volume, plan)
        return
    fs.ensure_dir(os.path.dirname(volume.path))
    try:
        fs.mkdir(volume.path, volume.mode)
    except FileExistsError:
        return
    step("chown")
    os.chown(volume.path, shift + volume.uid, shift + volume.gid)
    step("chmod")
    os.chmod(volume.path, volume.mode)
    if volume.trees:
        from podwright.stage1.namespaces import copyup

        copyup.fill(volume, plan.root, shift)


def _make_in_memory(pod: int, volume: EmptyVolume, plan: PodPlan) -> None:
    """A tmpfs of its own, which the first app that mounts it finds empty."""
    options = [
        ("mode", f"{volume.mode:o}"),
        ("uid", str(host_id(plan, volume.uid))),
        ("gid", str(host_id(plan, volume.gid))),
    ]
    if volume.size:
        files = max(1024, volume.size // 4096)  # empty ones take memory, too
        options += [("size", str(volume.size)), ("nr_inodes", str(files))]
    mount = mounts.filesystem("tmpfs", tuple(options), mounts.NOSUID | mounts.NODEV)
    try:
        target = beneath.make_dirs(pod, f"{MEMORY}/{volume.memory}", 0o700)
        mounts.attach(mount, target)
        os.close(target)
    finally:
        os.close(mount)


def host_id(plan: PodPlan, number: int) -> int:
    """A user or group of the pod as the host counts it."""
    return number if plan.users is None else plan.users.first + number


def bind_late(
    pod: int,
    root: int,
    bases: dict[str, int],
    app: AppPlan,
    pins: Optional[Pins],
    users: Optional[Users] = None,
) -> None:
    """Volumes in /dev and /sys, or in place of /sys."""
    for volume in app.late_binds:
        base, _, below = volume.where[1:].partition("/")
        if below and base in bases:
            bind(pod, bases[base], below, volume, app.name, pins, users, own=not app.kept)
        else:
            bind(pod, root, volume.where, volume, app.name, pins, users)


def bind(
    pod: int,
    base: int,
    where: str,
    volume: Bind,
    app: str,
    pins: Optional[Pins],
    users: Optional[Users] = None,
    own: bool = False,
) -> None:
    """Bind a volume at `where` below `base`: its target is inside the app's root, wherever links lead.

    own  nothing but mounts of the pod's own lies below `base`
    """
    mount = _detached(pod, volume, app, pins)
    try:
        if volume.label:
            from podwright.stage1.namespaces import labelled

            labelled.volume(mount, volume, app)
        if users is not None and volume.idmap:
            users.show_volume(mount, volume, app)
        mode = os.fstat(mount).st_mode
        device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        limits = mounts.NOSUID | (0 if device else mounts.NODEV)
        limits |= mounts.RDONLY if volume.read_only else 0
        limits |= mounts.NOEXEC if volume.noexec else 0
        mounts.restrict(mount, limits, recursive=volume.recursive)
        inside = volume.inside[len(volume.where) - len(where) :]
        try:
            target = targets.open_target(
                base, where, inside, directory=stat.S_ISDIR(mode), everywhere=own
            )
        except OSError as err:
            raise LaunchError(
                f"app {app}: mount target {safe(volume.where, 120)}: {err.strerror}",
                "something in its image, or in another volume, is in the way",
                object=app,
            ) from err
        mounts.attach(mount, target)
        os.close(target)
    finally:
        os.close(mount)


def _detached(pod: int, volume: Bind, app: str, pins: Optional[Pins]) -> int:
    """A mount of the volume that is nowhere yet."""
    if volume.memory:
        return mounts.clone(pod, f"{MEMORY}/{volume.memory}")
    tree = pins.take_tree(app, volume) if pins is not None else None
    if tree is not None:
        return tree
    if volume.kind not in ("host", "device"):
        return mounts.clone(mounts.AT_FDCWD, volume.source)
    assert pins is not None
    try:
        return mounts.clone(pins.source(volume), "", recursive=volume.recursive)
    except CallError as err:
        raise LaunchError(
            f"app {app}: volume source {safe(volume.source, 120)}: {err.strerror}",
            "make it, or correct the volume",
            object=app,
        ) from err
