# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of a stage1 image with the roots of a pod's apps in it, where the contract has them (C1).

All of it is mounted in a mount namespace of ours, which the stage1 inherits, so that nothing of it is
left on the host when we die. What the host reads there while the pod runs, `rkt/`, is a directory of the
pod that is bound into the root.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, calls, fs, mounts, process
from podwright.kernel.calls import CallError
from podwright.kernel.step import step
from podwright.stage1.contract import GIVEN
from podwright.stage1.namespaces import environment
from podwright.stage1.namespaces.imageroot import NO_OVERLAY
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.pod import PodApp
    from podwright.model.volume import Volume
    from podwright.stage1.contract import Launch

ROOT = "stage1/rootfs"
OWN = "_stage1"
"""Where what the stage1 writes is, beside what the apps do; no app can have a name with an underscore."""
OVERLAID, SHIFTED = "overlay-prepared", "private-users-prepared"
COPIED = "copied"
"""Beside what is written: the root was copied, completely."""
OPTIONS = (("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off"))
HIGHEST_FILE = 1 << 20


def own_mounts() -> None:
    """A mount namespace of ours: the host's later mounts come in, and none of ours gets out."""
    process.unshare(process.CLONE_NEWNS)
    mounts.make_private("/", mounts.MS_SLAVE)


def build(pod: Launch, trees: tuple[str, ...], shift: int = 0) -> None:
    """Make everything below the pod's stage1/rootfs, in our own mount namespace.

    shift  what is added to the number of every owner: then the roots are copies
    Raises LaunchError for what an image makes impossible, OSError for the rest.
    """
    here = _open(pod.pod_dir, ROOT)
    overlaid = pod.overlay and not shift
    if overlaid:
        overlaid = _overlay(f"{pod.pod_dir}/overlay/{OWN}", trees, here)
    root = _open(pod.pod_dir, ROOT)
    try:
        if overlaid:
            fs.write_atomic(f"{pod.pod_dir}/{OVERLAID}", b"", 0o644, durable=False)
        else:
            _copy(f"{pod.pod_dir}/overlay/{OWN}", trees, f"{pod.pod_dir}/{ROOT}", shift)
        _told(here, root, shift)
        os.close(_directory(root, "opt/stage2"))
        for app in pod.manifest.apps:
            _app(pod, root, app, overlaid, shift)
        _names(pod, root)
    finally:
        os.close(root)
        os.close(here)
    for volume in pod.manifest.volumes:
        _volume(pod.pod_dir, volume, shift)


def _app(pod: Launch, root: int, app: PodApp, overlaid: bool, shift: int) -> None:
    """The root of an app, in its place, and its environment."""
    inside = f"opt/stage2/{app.name}/rootfs"
    place = _directory(root, inside)
    writable = f"{pod.pod_dir}/overlay/{app.name}"
    if not overlaid or not _overlay(writable, pod.trees[app.name], place):
        _copy(writable, pod.trees[app.name], f"/proc/self/fd/{root}/{inside}", shift)
    os.close(place)
    _environment(root, app)


def add(pod: Launch, shift: int) -> None:
    """The root of the only app of `pod`, in a pod that runs, in the mounts of its launcher."""
    root = _open(pod.pod_dir, ROOT)
    try:
        overlaid = os.path.lexists(f"{pod.pod_dir}/{OVERLAID}")
        _app(pod, root, pod.manifest.apps[0], overlaid, shift)
    finally:
        os.close(root)
    for volume in pod.manifest.volumes:
        _volume(pod.pod_dir, volume, shift)


def remove(pod_dir: str, app: str) -> None:
    """Take away what `add` has made, in the mounts of the pod's launcher."""
    root = _open(pod_dir, ROOT)
    try:
        place = _directory(root, f"opt/stage2/{app}")
        os.close(place)
        path = f"/proc/self/fd/{root}/opt/stage2/{app}"
        try:
            calls.libc("umount2", os.fsencode(f"{path}/rootfs"), mounts.MNT_DETACH)
        except CallError as err:
            if err.errno != errno.EINVAL:
                raise  # else it is a copy
        fs.remove_tree(path)
        for name in (f"rkt/env/{app}", f"rkt/status/{app}"):
            fs.unlink(f"/proc/self/fd/{root}/{name}")
    finally:
        os.close(root)
    overlays = _open(pod_dir, "overlay")
    fs.remove_tree(f"/proc/self/fd/{overlays}/{app}")
    os.close(overlays)


def again(pod_dir: str, trees: tuple[str, ...]) -> None:
    """Mount the root of an ended pod's stage1 once more, with all that was written to it."""
    if not os.path.lexists(f"{pod_dir}/{OVERLAID}"):
        return
    here = _open(pod_dir, ROOT)
    _overlay(f"{pod_dir}/overlay/{OWN}", trees, here)
    root = _open(pod_dir, ROOT)
    _told(here, root, 0)
    os.close(root)
    os.close(here)


def take_down(pod_dir: str) -> None:
    """Unmount it all, in our own mount namespace."""
    try:
        calls.libc("umount2", os.fsencode(f"{pod_dir}/{ROOT}"), mounts.MNT_DETACH)
    except CallError:
        return  # a copy, or it never got so far


def _open(pod_dir: str, path: str) -> int:
    """A directory of the pod. Raises LaunchError where a link has taken the place of one."""
    top = os.open(pod_dir, beneath.DIRECTORY)
    try:
        return _strict(top, path)
    finally:
        os.close(top)


def _strict(place: int, path: str) -> int:
    try:
        return beneath.open_strict(place, path, beneath.DIRECTORY)
    except OSError as err:
        raise LaunchError(
            f"the pod's directory {path} is not what it was made as: {err.strerror}",
            "something in the pod has replaced it",
            object=path,
        ) from None


def _overlay(writable: str, trees: tuple[str, ...], target: int) -> bool:
    """Mount an overlay of read-only trees on `target`; False where the host cannot do it."""
    pod_dir, name = os.path.dirname(os.path.dirname(writable)), os.path.basename(writable)
    fs.ensure_dir(f"{pod_dir}/overlay")
    overlays = _open(pod_dir, "overlay")
    top_fd = _directory(overlays, name, 0o700)
    os.close(overlays)
    try:
        return _overlay_in(f"/proc/self/fd/{top_fd}", top_fd, trees, target, writable)
    finally:
        os.close(top_fd)


def _overlay_in(writable: str, place: int, trees: tuple[str, ...], target: int, shown: str) -> bool:
    """The same with the open directory `place` for what is written, which is `writable`, too."""
    upper, work = f"{writable}/upper", f"{writable}/work"
    if not os.path.lexists(work):
        fs.ensure_dir(upper, 0o755)
        os.close(_strict(place, "upper"))
        top = os.stat(trees[0])
        step("chmod")
        os.chmod(upper, stat.S_IMODE(top.st_mode))
        step("chown")
        os.chown(upper, top.st_uid, top.st_gid)
        fs.mkdir(work)
    fds = [_strict(place, "upper"), _strict(place, "work")]
    fds += [os.open(path, beneath.DIRECTORY) for path in trees]
    names = [f"/proc/self/fd/{fd}" for fd in fds]
    options = (("upperdir", names[0]), ("workdir", names[1]), *OPTIONS)
    try:
        mount = mounts.overlay(tuple(names[2:]), options, shown)
    except CallError as err:
        if err.errno not in NO_OVERLAY:
            raise
        return False
    finally:
        for fd in fds:
            os.close(fd)
    mounts.attach(mount, target)
    os.close(mount)
    return True


def _copy(writable: str, trees: tuple[str, ...], path: str, shift: int) -> None:
    """A full copy of what trees show, unless it is there from an earlier life."""
    from podwright.kernel.copytree import copy_layers

    if os.path.lexists(f"{writable}/{COPIED}"):
        return
    fs.ensure_dir(writable)
    for name in os.listdir(path):
        fs.remove_tree(f"{path}/{name}")
    copy_layers(trees, path, shift=shift)
    fs.write_atomic(f"{writable}/{COPIED}", b"", durable=False)


def _directory(root: int, path: str, mode: int = 0o755) -> int:
    """A directory of the stage1's root, made where it is missing. Raises LaunchError for a link."""
    place = os.dup(root)
    for name in path.split("/"):
        above = place
        try:
            fs.mkdir_missing(name, mode, above)
            place = beneath.open_strict(above, name, beneath.DIRECTORY)
        except OSError as err:
            raise LaunchError(
                f"the stage1 image has no usable directory /{path}: {name}: {err.strerror}",
                "these are the contract's: /opt/stage2 and /rkt are left out of a stage1 image",
                object=path,
            ) from None
        finally:
            os.close(above)
    return place


def _told(here: int, root: int, shift: int) -> None:
    """`rkt/`: what the stage1 says, in a directory of the pod that the host sees, too."""
    for name in ("rkt/status", "rkt/env", "rkt/iottymux"):
        made = _directory(here, name)
        if shift and name != "rkt/env":
            step("chown")
            os.chown(f"/proc/self/fd/{made}", shift, shift)
        os.close(made)
    if os.path.samestat(os.fstat(here), os.fstat(root)):
        return  # a copy: it is the same directory
    told = mounts.clone(here, "rkt")
    place = _directory(root, "rkt")
    mounts.attach(told, place)
    os.close(place)
    os.close(told)


def _environment(root: int, app: PodApp) -> None:
    """`rkt/env/APP`: one NAME=VALUE in each line."""
    pairs = {**environment.ROOT, **dict(environment.environment(app.name, app.app.environment))}
    for name, text in pairs.items():
        if "\n" in text:
            raise LaunchError(
                f"app {app.name}: its variable {safe(name, 60)} has several lines,"
                " which a stage1 image cannot be told",
                "leave it out, or choose stage1 namespaces",
                object=app.name,
            )
    data = "".join(f"{name}={text}\n" for name, text in sorted(pairs.items()))
    _put(root, "rkt/env", app.name, data.encode("utf-8", "surrogateescape"))


def _names(pod: Launch, root: int) -> None:
    """What is to be resolv.conf and the hosts file, where we make them."""
    for said, source, name in (
        (pod.etc.resolv, "resolv.conf", "rkt-resolv.conf"),
        (pod.etc.hosts, "hosts", "rkt-hosts"),
    ):
        if said == GIVEN:
            with open(f"{pod.pod_dir}/{source}", "rb") as file:
                _put(root, "etc", name, file.read(HIGHEST_FILE))


def _put(root: int, directory: str, name: str, data: bytes) -> None:
    place = _directory(root, directory)
    try:
        fs.replace_at(place, name, data, 0o644, durable=False)
    finally:
        os.close(place)


def _volume(pod_dir: str, volume: Volume, shift: int) -> None:
    """An empty volume, which is the pod's."""
    if volume.kind != "empty":
        return
    fs.ensure_dir(f"{pod_dir}/sharedVolumes")
    place = _open(pod_dir, "sharedVolumes")
    try:
        _empty(f"/proc/self/fd/{place}/{volume.name}", volume, shift)
    finally:
        os.close(place)


def _empty(path: str, volume: Volume, shift: int) -> None:
    try:
        fs.mkdir(path, volume.mode)
    except FileExistsError:
        return
    step("chown")
    os.chown(path, shift + volume.uid, shift + volume.gid)
    step("chmod")
    os.chmod(path, volume.mode)
