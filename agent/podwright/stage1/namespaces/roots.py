# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the pod's root and its apps' roots: the one place where the mounts of a plan are made.

Runs in the pod's own mount namespace, as root, before anything of an image has run. Every
target is resolved once, below the app's root, and mounted on by descriptor.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.stage1.namespaces import etcfiles, views, volumes
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage1.namespaces.sources import Pins

# Extended attributes in an image must not make overlayfs show other files (threats.md T10).
# volatile: what an app writes outside its volumes never outlives the pod, let alone a crash of
# the host, so it is not synced; without it the kernel syncs the whole host file system when
# the pod ends.
OVERLAY = (("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off"), ("volatile", ""))
# What overlayfs answers on a kernel or a file system that cannot do it.
NO_OVERLAY = (errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


def build(plan: PodPlan, pins: Optional[Pins]) -> int:
    """Make the pod's root with everything below; returns a descriptor of it, not yet entered.

    pins  the sources of its volumes, see `volumes.pin`; they are let go of

    Raises LaunchError for what an image or a volume makes impossible, CallError for the rest.
    """
    pod = mounts.clone(mounts.AT_FDCWD, plan.root)
    here = os.open(plan.root, beneath.DIRECTORY)
    mounts.attach(pod, here)
    os.close(here)
    for volume in plan.volumes:
        volumes.make(pod, volume, plan)
    dev = views.pod_devices(pod)
    for app in plan.apps:
        try:
            _app_root(pod, dev, app, plan, pins)
        except OSError as err:
            raise LaunchError(
                f"app {app.name}: its root cannot be made: {safe(err)}", object=app.name
            ) from err
    os.close(dev)
    if pins is not None:
        pins.close()
    return pod


def _app_root(pod: int, dev: int, app: AppPlan, plan: PodPlan, pins: Optional[Pins]) -> None:
    place = beneath.make_dirs(pod, app.root)
    root = _overlay(app) if app.overlay else None
    if root is None:
        root = _copied(app, plan)
    mounts.attach(root, place)
    os.close(place)
    fds = [root]
    try:
        _ordinary_directories(root)
        _before_volumes(root, plan)
        for bind in app.binds:
            volumes.bind(pod, root, bind.where, bind, app.name, pins)
        bases = _mount_views(root, dev, app)
        fds += bases.values()
        volumes.bind_late(pod, root, bases, app, pins)
        views.cover(bases, dev, app)
        etcfiles.put_given(root, plan, app.name)
        if app.read_only_root:
            mounts.restrict(root, mounts.RDONLY)
    finally:
        for fd in fds:
            os.close(fd)


def _before_volumes(root: int, plan: PodPlan) -> None:
    """What volumes may lie in, or take the place of."""
    if plan.kept:
        from podwright.stage1.fly import views as host

        host.put_names(root)
        host.mount_tmp(root)
    else:
        etcfiles.put_names(root, plan)


def _mount_views(root: int, dev: int, app: AppPlan) -> dict[str, int]:
    if not app.kept:
        return views.mount_views(root, dev, app)
    from podwright.stage1.fly import views as host

    return host.mount_host(root, app)


def _overlay(app: AppPlan) -> Optional[int]:
    """A detached overlay of the image's layers; None where the host cannot do it.

    The layers are named by descriptor: no character in a path can end an option, and the
    pod cannot read the host's paths out of its mountinfo.
    """
    paths = {name: f"{app.writable}/{name}" for name in ("upper", "work")}
    fs.ensure_dir(paths["upper"], 0o755)
    fs.ensure_dir(paths["work"], 0o700)
    top = os.stat(app.trees[0])
    os.chmod(paths["upper"], stat.S_IMODE(top.st_mode))
    os.chown(paths["upper"], top.st_uid, top.st_gid)
    fds = [os.open(path, beneath.DIRECTORY) for path in (*paths.values(), *app.trees)]
    upper, work, *lowers = [f"/proc/self/fd/{fd}" for fd in fds]
    options = (("upperdir", upper), ("workdir", work), *OVERLAY)
    try:
        return mounts.overlay(tuple(lowers), options, app.writable)
    except CallError as err:
        if err.errno not in NO_OVERLAY:
            raise
        return None
    finally:
        for fd in fds:
            os.close(fd)


def _copied(app: AppPlan, plan: PodPlan) -> int:
    """A full copy of the image's root in the pod directory, and a detached mount of it."""
    from podwright.kernel.copytree import copy_layers

    target = f"{plan.root}/{app.root}"
    if not os.listdir(target):
        copy_layers(app.trees, target)
    root = mounts.clone(mounts.AT_FDCWD, target)
    mounts.restrict(root, mounts.NODEV)
    return root


def _ordinary_directories(root: int) -> None:
    """What programs expect to exist (B5); whatever the image has there stays."""
    for name, mode in (("etc", 0o755), ("run", 0o755), ("tmp", 0o1777)):
        fs.mkdir_missing(name, mode, root)
