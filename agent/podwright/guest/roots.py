# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's half of a pod's root: the host has put images, volumes, secrets and files in place.

What is there is mounted once more where it is, so that an app sees the same mounts with the same
flags as on a host; then /dev, /proc and /sys come on top, as they do there.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import LaunchError
from podwright.guest import scratch
from podwright.kernel import beneath, mounts
from podwright.stage1.contract import GIVEN, PEERS
from podwright.stage1.namespaces import targets, views
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

DEVICE = "device"
SECRETS = "/run/secrets"


def build(plan: PodPlan) -> int:
    """Complete the pod's root; a descriptor of it, not yet entered. Raises LaunchError."""
    pod = mounts.clone(mounts.AT_FDCWD, plan.root, recursive=True)
    here = os.open(plan.root, beneath.DIRECTORY)
    mounts.attach(pod, here)
    os.close(here)
    dev = views.pod_devices(pod)
    by_9p = scratch.needed(plan.root)
    for app in plan.apps:
        try:
            app_root(pod, dev, plan, app, by_9p=by_9p)
        except OSError as err:
            raise LaunchError(
                f"app {app.name}: its root cannot be made: {safe(err)}", object=app.name
            ) from err
    os.close(dev)
    return pod


def app_root(pod: int, dev: int, plan: PodPlan, app: AppPlan, *, by_9p: bool = False) -> None:
    """Complete the root of one app."""
    place = beneath.open_strict(pod, app.root, beneath.DIRECTORY)
    root = mounts.clone(place, "")
    mounts.restrict(root, mounts.NODEV | (mounts.NOSUID if app.nosuid else 0))
    mounts.attach(root, place)
    os.close(place)
    fds = [root]
    try:
        for bind in app.binds:
            _again(root, bind, app)
        late = [(bind, _taken(root, bind, app)) for bind in app.late_binds]
        bases = views.mount_views(root, dev, app)
        fds += bases.values()
        for bind, mount in late:
            base, below = _base(bases, root, bind.where)
            _attach(base, below, mount, bind, own=base != root)
        views.cover(bases, dev, app)
        _files(root, plan, app)
        if by_9p:
            scratch.give(root, app)
        if app.read_only_root:
            mounts.restrict(root, mounts.RDONLY)
    finally:
        for fd in fds:
            os.close(fd)


def _base(bases: dict[str, int], root: int, where: str) -> tuple[int, str]:
    """What a volume in /dev or /sys is mounted in, and where in there."""
    base, _, below = where[1:].partition("/")
    return (bases[base], below) if below and base in bases else (root, where)


def limits_of(bind: Bind) -> int:
    """How a volume is mounted (`volumes.bind`)."""
    limits = mounts.NOSUID | (0 if bind.kind == DEVICE else mounts.NODEV)
    limits |= mounts.RDONLY if bind.read_only else 0
    return limits | (mounts.NOEXEC if bind.noexec else 0)


def _taken(root: int, bind: Bind, app: AppPlan) -> int:
    """A mount, to be attached, of what the host has bound at a place in an app's root, or of a device of ours."""
    if bind.kind == DEVICE:
        mount = mounts.clone(mounts.AT_FDCWD, bind.source)
        mounts.restrict(mount, limits_of(bind))
        return mount
    found = _found(root, bind.where, bind, app)
    inside = _entered(found)
    mount = mounts.clone(found, "") if inside < 0 else inside
    os.close(found)
    mounts.restrict(mount, limits_of(bind))
    return mount


def _again(root: int, bind: Bind, app: AppPlan) -> None:
    """Give a volume its flags: to the mount that it is here already, or to one on top of it."""
    if bind.kind != DEVICE:
        found = _found(root, bind.where, bind, app)
        try:
            own = _entered(found)
            if own >= 0:
                mounts.restrict(own, limits_of(bind))
                os.close(own)
                return
        finally:
            os.close(found)
    _attach(root, bind.where, _taken(root, bind, app), bind)


def _entered(found: int) -> int:
    """What the kernel mounts by itself at a directory when that is entered, as it does where a mount of
    the host begins; -1 when nothing is mounted there."""
    if not stat.S_ISDIR(os.fstat(found).st_mode):
        return -1
    name = os.path.basename(os.readlink(f"/proc/self/fd/{found}"))
    inside = os.open(f"../{name}", beneath.DIRECTORY | os.O_NOFOLLOW, dir_fd=found)
    if os.fstat(inside).st_dev != os.fstat(found).st_dev:
        return inside
    os.close(inside)
    return -1


def _found(root: int, where: str, bind: Bind, app: AppPlan) -> int:
    """What is at a volume's place; resolved as the host did when it mounted it there."""
    inside = bind.inside[len(bind.where) - len(where) :]
    try:
        return targets.open_target(root, where, inside, directory=False)
    except OSError as err:
        raise LaunchError(
            f"app {app.name}: mount target {safe(bind.where, 120)}: {err.strerror}",
            "something in its image, or in another volume, is in the way",
            object=app.name,
        ) from err


def _attach(base: int, where: str, mount: int, bind: Bind, own: bool = False) -> None:
    """Attach a mount at a volume's place, and let go of it."""
    directory = stat.S_ISDIR(os.fstat(mount).st_mode)
    inside = bind.inside[len(bind.where) - len(where) :]
    try:
        target = targets.open_target(base, where, inside, directory=directory, everywhere=own)
        mounts.attach(mount, target)
        os.close(target)
    finally:
        os.close(mount)


def _files(root: int, plan: PodPlan, app: AppPlan) -> None:
    """Files of /etc and secrets, which are mounts of their own for reading only."""
    places = [
        f"/etc/{name}"
        for name, how in (("hosts", plan.etc.hosts), ("resolv.conf", plan.etc.resolv))
        if how == GIVEN or (how == PEERS and not _in_volume(f"/etc/{name}", app))
    ]
    own = [secret for secret in plan.secrets if not secret.apps or app.name in secret.apps]
    if any(secret.target.startswith(f"{SECRETS}/") for secret in own):
        places.append(SECRETS)
    places += [one.target for one in own if not one.target.startswith(f"{SECRETS}/")]
    for where in places:
        inside = targets.enclosing(where, (bind.where for bind in app.binds + app.late_binds))
        try:
            found = targets.open_target(root, where, inside, directory=False)
        except OSError:
            continue  # nobody has asked for it, and its image has something else there
        mount = mounts.clone(found, "")
        mounts.restrict(mount, views.KERNEL | mounts.RDONLY)
        mounts.attach(mount, found)
        os.close(mount)
        os.close(found)


def _in_volume(where: str, app: AppPlan) -> bool:
    return any(where == bind.where or where.startswith(f"{bind.where}/") for bind in app.binds)
