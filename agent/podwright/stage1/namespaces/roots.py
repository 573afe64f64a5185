# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the pod's root and its apps' roots: the one place where the mounts of a plan are made.

Runs in the pod's own mount namespace, as root, before anything of an image has run. Every
target is resolved once, below the app's root, and mounted on by descriptor.
"""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.stage1.namespaces import etcfiles, imageroot, views, volumes
from podwright.stage1.namespaces.plan import THERE
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage1.namespaces.sources import Pins
    from podwright.stage1.namespaces.users import Users


@value
class Site:
    """What an app's root is built with.

    pod    the pod's root as the pod sees it; `here` the same directory as the host does
    pins   the sources of its volumes
    users  its own user namespace
    given  what its apps get in /etc
    made   the app's root, where it is made already
    proc   the pod's own /proc, for who is not in its pid namespace
    """

    plan: PodPlan
    pod: int
    here: int
    pins: Optional[Pins]
    users: Optional[Users]
    given: etcfiles.Given
    made: int = -1
    proc: int = -1


def build(plan: PodPlan, pins: Optional[Pins], users: Optional[Users] = None) -> int:
    """Make the pod's root with everything below; returns a descriptor of it, not yet entered.

    pins   the sources of its volumes, see `volumes.pin`; they are let go of
    users  its own user namespace, whose root owns what is made here

    Raises LaunchError for what an image or a volume makes impossible, CallError for the rest.
    """
    if plan.machine == THERE:
        from podwright.guest import roots as guest

        return guest.build(plan)
    pod = mounts.clone(mounts.AT_FDCWD, plan.root)
    here = os.open(plan.root, beneath.DIRECTORY)
    if users is not None:
        users.show_own(pod)
    mounts.attach(pod, here)
    if plan.journal:
        from podwright.stage1.namespaces import machinejournal

        machinejournal.mount(plan, pod, here)
    on_disk(plan, here, users)
    given = etcfiles.Given(plan)
    if users is not None:
        users.act()
    for volume in plan.volumes:
        if volume.memory:
            volumes.make(pod, volume, plan)
    if plan.secrets and pins is not None:
        from podwright.stage1.namespaces import secrets

        secrets.begin(pod, plan, pins.contents)
    site = Site(plan, pod, here, pins, users, given)
    system = any(app.system for app in plan.apps)
    dev = views.pod_devices(pod, system)
    if system:  # what shows that a /proc may be mounted, see mount_namespaces(7)
        proc = mounts.filesystem("proc", (), views.KERNEL)
        fs.mkdir_missing("proc", 0o755, pod)
        views.attach_at(pod, "proc", proc)
    for app in plan.apps:
        try:
            app_root(site, dev, app)
        except OSError as err:
            raise LaunchError(
                f"app {app.name}: its root cannot be made: {safe(err)}", object=app.name
            ) from err
    given.close()
    os.close(dev)
    os.close(here)
    if pins is not None:
        pins.close()
    return pod


def on_disk(plan: PodPlan, here: int, users: Optional[Users]) -> None:
    """What the pod keeps in its directory; `here` is the pod's root there.

    Owners are as the pod sees them, unless they cannot be mapped.
    """
    shift = users.shift() if users is not None else 0
    if shift:
        from podwright.stage1.namespaces import shifted

        shifted.begin(plan, here, shift)
    for volume in plan.volumes:
        if not volume.memory:
            volumes.make(here, volume, plan, shift)
    for app in plan.apps:
        if app.overlay and not shift:
            imageroot.make_writable(app)
        else:
            fs.ensure_dir(app.writable)
        if plan.label is not None and os.path.lexists(f"{app.writable}/upper"):
            from podwright.stage1.namespaces import labelled

            labelled.layers(app, plan.label)


def app_root(site: Site, dev: int, app: AppPlan) -> None:
    """Make the root of one app in its place."""
    plan, pod, pins, users = site.plan, site.pod, site.pins, site.users
    place = beneath.make_dirs(pod, app.root)
    root = imageroot.mount(app, site.here, users) if site.made < 0 else site.made
    if app.nosuid:
        mounts.restrict(root, mounts.NOSUID)
    mounts.attach(root, place)
    os.close(place)
    fds = [root]
    try:
        if plan.label is not None:
            from podwright.stage1.namespaces import labelled

            labelled.root(root, plan.label, app)
        _ordinary_directories(root)
        _before_volumes(root, plan)
        if plan.machine:
            from podwright.stage1.kvm import halfroot

            halfroot.bind(pod, root, app, pins, users)
        else:
            for bind in app.binds:
                volumes.bind(pod, root, bind.where, bind, app.name, pins, users)
            bases = _mount_views(root, dev, app, site)
            fds += bases.values()
            volumes.bind_late(pod, root, bases, app, pins, users)
            views.cover(bases, dev, app)
        etcfiles.put_servers(root, plan, app, site.given.servers)
        site.given.put(root, app, users)
        if plan.secrets and pins is not None:
            from podwright.stage1.namespaces import secrets

            secrets.mount(pod, root, app, plan, pins.contents)
        if app.read_only_root:
            mounts.restrict(root, mounts.RDONLY)
    finally:
        for fd in fds:
            os.close(fd)


def _before_volumes(root: int, plan: PodPlan) -> None:
    """What volumes may lie in, or take the place of."""
    if plan.kept:
        from podwright.stage1.fly import views as host

        host.put_names(root, plan)
        host.mount_tmp(root)
    else:
        etcfiles.put_names(root, plan)


def _mount_views(root: int, dev: int, app: AppPlan, site: Site) -> dict[str, int]:
    if not app.kept:
        first = site.users.first if site.users is not None else 0
        return views.mount_views(root, dev, app, first, site.proc)
    from podwright.stage1.fly import views as host

    return host.mount_host(root, app)


def _ordinary_directories(root: int) -> None:
    """What programs expect to exist (B5); whatever the image has there stays."""
    for name, mode in (("etc", 0o755), ("run", 0o755), ("tmp", 0o1777)):
        fs.mkdir_missing(name, mode, root)
