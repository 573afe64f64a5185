# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of an app that is added to a pod that runs.

What lies on the host is made into mounts that are attached nowhere. With them we go into the pod's
mounts, as a copy that is ours alone, build the root there with the code that builds those of a
start, and attach the whole of it to the pod's own mounts in one step, so that there is never a half
of it.
"""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts, process
from podwright.stage1.namespaces import etcfiles, imageroot, inside, roots, sources, volumes
from podwright.stage1.namespaces import labelled as labelled  # nothing can be loaded in the pod
from podwright.stage1.namespaces import secrets as secrets
from podwright.stage1.namespaces.users import Users
from podwright.stage2 import handed, init
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage1.namespaces.mountplan import EmptyVolume
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan


@value
class _Place:
    """A pod that runs: its PID 1, by a descriptor, and its user namespace, or None."""

    init: int
    users: Optional[Users]


class _Pins(sources.Pins):
    """Sources of an app's volumes, as mounts that are made while the host is there."""

    def make(self, app: AppPlan) -> None:
        """Make those of every bind that is not in the pod's memory."""
        for bind in app.binds + app.late_binds:
            if bind.memory or (app.name, bind.where) in self._trees:
                continue
            if bind.kind in ("host", "device"):
                tree = mounts.clone(self.source(bind), "", recursive=bind.recursive)
            else:
                tree = mounts.clone(mounts.AT_FDCWD, bind.source)
            self._trees[(app.name, bind.where)] = tree


class _NoGroup:
    """Its control groups are not to be seen from in there."""

    def app_files(self, app: str) -> list[str]:
        """None of `app`."""
        return []


def add(plan: PodPlan, filters: dict[str, bytes]) -> dict[str, Any]:
    """Mount the root of the only app of `plan` in its running pod: the app as `handed` has it.

    Raises LaunchError; then nothing of it is mounted.
    """
    pidfd, pid = inside.init_of(plan.pod_dir, plan.uuid)
    users_fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        users = Users(plan.users, users_fd) if plan.users is not None else None
        place = _Place(pidfd, users)
        name = plan.apps[0].name
        found: dict[str, Any] = inside.run(
            lambda: _add(plan, place, filters), f"app {name}: its root cannot be made"
        )
        return found
    finally:
        os.close(users_fd)
        os.close(pidfd)


def _add(plan: PodPlan, place: _Place, filters: dict[str, bytes]) -> dict[str, Any]:
    app = plan.apps[0]
    try:
        return _built(plan, place, app, filters)
    except OSError as err:
        raise LaunchError(
            f"app {app.name}: its root cannot be made: {safe(err)}", object=app.name
        ) from err


def _built(plan: PodPlan, place: _Place, app: AppPlan, filters: dict[str, bytes]) -> dict[str, Any]:
    site, host_proc = _from_host(plan, place, app)
    _enter(plan, place)
    _in_memory(plan)
    process.unshare(process.CLONE_NEWNS)
    site = _covered(site, host_proc)
    dev = beneath.open_strict(site.pod, "dev", beneath.DIRECTORY)
    if plan.secrets and site.pins is not None:
        secrets.begin(site.pod, plan, site.pins.contents)
    roots.app_root(site, dev, app)
    root = beneath.open_strict(site.pod, app.root, beneath.DIRECTORY)
    if plan.etc.late and _is_there(site.pod, etcfiles.LATE):
        etcfiles.bind_late(site.pod, root, app)
    permitted = process.permitted() if place.users is None else init.every_capability()
    target = init.target_of(site.pod, app, filters, _NoGroup(), permitted, plan)
    tree = mounts.clone(root, "", recursive=True, propagation=0)
    process.setns(place.init, process.CLONE_NEWNS)
    pod = os.open("/", beneath.DIRECTORY)
    where = beneath.open_strict(pod, app.root, beneath.DIRECTORY)
    mounts.attach(tree, where)
    return handed.dump(target)


def _from_host(plan: PodPlan, place: _Place, app: AppPlan) -> tuple[roots.Site, int]:
    """All that needs the host's files, made in mounts of our own; and a mount of its /proc."""
    process.unshare(process.CLONE_NEWNS)
    pins = _Pins()
    sources.pin(plan, pins)
    if plan.label is not None:
        mounts.label_with(plan.label.file)
    mounts.make_private("/")
    pod = mounts.clone(mounts.AT_FDCWD, plan.root)
    here = os.open(plan.root, beneath.DIRECTORY)
    if place.users is not None:
        place.users.show_own(pod)
    mounts.attach(pod, here)
    roots.on_disk(plan, here, place.users)
    given = etcfiles.Given(plan)
    given.ahead()
    if place.users is not None:
        place.users.act()
    os.close(beneath.make_dirs(pod, app.root))
    pins.make(app)
    made = imageroot.mount(app, here, place.users)
    site = roots.Site(plan, pod, here, pins, place.users, given, made)
    return site, mounts.clone(mounts.AT_FDCWD, "/proc")


def _enter(plan: PodPlan, place: _Place) -> None:
    """Go to the pod's network, which its /sys shows, and to its mounts."""
    if not plan.host_net:
        process.setns(place.init, process.CLONE_NEWNET)
    process.setns(place.init, process.CLONE_NEWNS)


def _in_memory(plan: PodPlan) -> None:
    """Make volumes in memory that no other app of the pod has had made."""
    pod = os.open("/", beneath.DIRECTORY)
    for volume in plan.volumes:
        if volume.memory and not _is_mounted(pod, volume):
            volumes.make(pod, volume, plan)
    os.close(pod)


def _is_mounted(pod: int, volume: EmptyVolume) -> bool:
    above = beneath.make_dirs(pod, volumes.MEMORY, 0o700)
    try:
        there = os.stat(volume.memory, dir_fd=above, follow_symlinks=False)
        return there.st_dev != os.fstat(above).st_dev
    except FileNotFoundError:
        return False
    finally:
        os.close(above)


def _covered(site: roots.Site, host_proc: int) -> roots.Site:
    """The site in our copy of the pod's mounts, where the host's /proc is now, for ourselves."""
    pod = os.open("/", beneath.DIRECTORY)
    proc = beneath.open_strict(pod, "proc", beneath.DIRECTORY)
    mounts.attach(host_proc, proc)
    return roots.Site(site.plan, pod, site.here, site.pins, site.users, site.given, site.made, proc)


def _is_there(pod: int, path: str) -> bool:
    try:
        os.close(beneath.open_strict(pod, path))
    except OSError:
        return False
    return True


def take_away(pod_dir: str, pod: str, root: str, kept: frozenset[str]) -> None:
    """Detach the root of an app, however often it is mounted, and volumes in memory that nobody has.

    root   as `AppPlan.root`
    kept   names of the volumes that stay
    """
    pidfd, _ = inside.init_of(pod_dir, pod)
    try:
        inside.run(lambda: _detach(pidfd, root, kept), f"pod {pod}: mounts cannot be taken away")
    finally:
        os.close(pidfd)


def _detach(pidfd: int, root: str, kept: frozenset[str]) -> None:
    process.setns(pidfd, process.CLONE_NEWNS)
    memory = f"/{volumes.MEMORY}"
    gone = sorted(set(os.listdir(memory)) - kept) if os.path.isdir(memory) else []
    for path in (root, *(f"{volumes.MEMORY}/{name}" for name in gone)):
        while _detached(path):
            continue
    for name in gone:
        fs.rmdir_empty(f"{memory}/{name}")


def _detached(path: str) -> bool:
    """Detach what is mounted at `path` last; whether there was anything."""
    pod = os.open("/", beneath.DIRECTORY)
    try:
        found = beneath.open_strict(pod, path, beneath.DIRECTORY)
    except OSError as err:
        if err.errno != errno.ENOENT:
            raise
        return False
    finally:
        os.close(pod)
    os.fchdir(found)
    os.close(found)
    gone = mounts.detach_here()
    os.chdir("/")
    return gone
