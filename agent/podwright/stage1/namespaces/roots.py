# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the pod's root and its apps' roots: the one place where the mounts of a plan are made.

Runs in the pod's own mount namespace, as root, before anything of an image has run. Every
target is resolved once, below the app's root, and mounted on by descriptor. /dev, /proc and
/sys must be directories of the image, or missing: links are refused (threats.md T64).
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.calls import CallError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan, Bind, PodPlan

KERNEL = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC
NODES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# Extended attributes in an image must not make overlayfs show other files (threats.md T10).
# volatile: what an app writes outside its volumes never outlives the pod, let alone a crash of
# the host, so it is not synced; without it the kernel syncs the whole host file system when
# the pod ends.
OVERLAY = (("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off"), ("volatile", ""))
# What overlayfs answers on a kernel or a file system that cannot do it.
NO_OVERLAY = (errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


def build(plan: PodPlan) -> int:
    """Make the pod's root with everything below; returns a descriptor of it, not yet entered.

    Raises LaunchError for what an image or a volume makes impossible, CallError for the rest.
    """
    for volume in plan.volumes:
        fs.ensure_dir(os.path.dirname(volume.path))
        fs.mkdir(volume.path, volume.mode)
        os.chown(volume.path, volume.uid, volume.gid)
    pod = mounts.clone(mounts.AT_FDCWD, plan.root)
    here = os.open(plan.root, beneath.DIRECTORY)
    mounts.attach(pod, here)
    os.close(here)
    dev = _pod_devices(pod)
    for app in plan.apps:
        try:
            _app_root(pod, dev, app, plan)
        except OSError as err:
            raise LaunchError(
                f"app {app.name}: its root cannot be made: {safe(err)}", object=app.name
            ) from err
    os.close(dev)
    return pod


def _pod_devices(pod: int) -> int:
    """/dev of the pod's root: device nodes, shared memory and an empty directory, to bind from.

    Nodes of our own, so that nothing on the host's /dev, nor a link there, can stand in for them.
    """
    target = _directory(pod, "dev")
    dev = mounts.filesystem("tmpfs", (("mode", "0755"),), mounts.NOSUID | mounts.NOEXEC)
    mounts.attach(dev, target)
    os.close(target)
    for name, (major, minor) in NODES.items():
        fs.make_device(dev, name, major, minor)
    fs.mkdir("empty", 0o555, dir_fd=dev)
    fs.mkdir("shm", 0o755, dir_fd=dev)
    shm = mounts.filesystem("tmpfs", (("mode", "1777"),), KERNEL)
    target = _directory(dev, "shm")
    mounts.attach(shm, target)
    os.close(target)
    os.close(shm)
    return dev


def _directory(parent: int, name: str) -> int:
    """Open a directory of ours, making it when missing."""
    fs.mkdir_missing(name, 0o755, parent)
    return beneath.open_strict(parent, name, beneath.DIRECTORY)


def _app_root(pod: int, dev: int, app: AppPlan, plan: PodPlan) -> None:
    place = beneath.make_dirs(pod, app.root)
    root = _overlay(app) if app.overlay else None
    if root is None:
        root = _copied(app, plan)
    mounts.attach(root, place)
    os.close(place)
    fds = [root]
    try:
        _ordinary_directories(root)
        _names(root, plan)
        for bind in app.binds:
            _bind(root, bind.where, bind, app.name)
        fds += _kernel_views(root, dev, app)
        _given_files(root, plan, app.name)
        if app.read_only_root:
            mounts.restrict(root, mounts.RDONLY)
    finally:
        for fd in fds:
            os.close(fd)


def _overlay(app: AppPlan) -> Optional[int]:
    """A detached overlay of the app's tree; None where the host cannot do it.

    The layers are named by descriptor: no character in a path can end an option, and the
    pod cannot read the host's paths out of its mountinfo.
    """
    layers = {"lowerdir": app.tree}
    for name in ("upper", "work"):
        layers[f"{name}dir"] = f"{app.writable}/{name}"
        fs.ensure_dir(layers[f"{name}dir"], 0o755 if name == "upper" else 0o700)
    lower = os.stat(app.tree)
    os.chmod(layers["upperdir"], stat.S_IMODE(lower.st_mode))
    os.chown(layers["upperdir"], lower.st_uid, lower.st_gid)
    fds = {key: os.open(path, beneath.DIRECTORY) for key, path in layers.items()}
    options = (*((key, f"/proc/self/fd/{fd}") for key, fd in fds.items()), *OVERLAY)
    try:
        return mounts.filesystem("overlay", options, mounts.NODEV)
    except CallError as err:
        if err.errno not in NO_OVERLAY:
            raise
        return None
    finally:
        for fd in fds.values():
            os.close(fd)


def _copied(app: AppPlan, plan: PodPlan) -> int:
    """A full copy of the tree in the pod directory, and a detached mount of it."""
    from podwright.kernel.copytree import copy_tree

    target = f"{plan.root}/{app.root}"
    if not os.listdir(target):
        copy_tree(app.tree, target)
    root = mounts.clone(mounts.AT_FDCWD, target)
    mounts.restrict(root, mounts.NODEV)
    return root


def _ordinary_directories(root: int) -> None:
    """What programs expect to exist (B5); whatever the image has there stays."""
    for name, mode in (("etc", 0o755), ("run", 0o755), ("tmp", 0o1777)):
        fs.mkdir_missing(name, mode, root)


def _kernel_views(root: int, dev: int, app: AppPlan) -> list[int]:
    """/dev, /proc and /sys of an app, with the volumes in them and the paths to hide."""
    bases = {"dev": _devices(root, dev, app.name)}
    bases["proc"] = _mounted(root, app.name, "proc", "proc", KERNEL)
    if app.sys:
        mode = mounts.RDONLY if app.sys == "ro" else 0
        bases["sys"] = _mounted(root, app.name, "sys", "sysfs", KERNEL | mode)
    else:
        os.close(_mount_point(root, app.name, "sys"))
    for bind in app.late_binds:
        base, _, below = bind.where[1:].partition("/")
        inside = below and base in bases
        _bind(bases[base] if inside else root, below if inside else bind.where, bind, app.name)
    for base, path in app.hidden:
        if base in bases:
            _hide(bases[base], path, dev)
    for base, path in app.read_only:
        if base in bases:
            _protect(bases[base], path)
    return list(bases.values())


def _mount_point(root: int, app: str, name: str) -> int:
    """A directory directly below an app's root; anything else there is refused."""
    try:
        return _directory(root, name)
    except OSError as err:
        if err.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise LaunchError(
            f"app {app}: /{name} in its image is not a directory",
            "a link or a file there could redirect what the pod mounts: rebuild the image",
            object=app,
        ) from None


def _mounted(root: int, app: str, name: str, fstype: str, attributes: int) -> int:
    target = _mount_point(root, app, name)
    try:
        mount = mounts.filesystem(fstype, (), attributes)
        mounts.attach(mount, target)
    finally:
        os.close(target)
    return mount


def _devices(root: int, source: int, app: str) -> int:
    """The app's own /dev; without device files of its own, so it is `nodev` but for the nodes."""
    target = _mount_point(root, app, "dev")
    options = (("mode", "0755"), ("size", "65536"), ("nr_inodes", "1024"))
    dev = mounts.filesystem("tmpfs", options, KERNEL)
    mounts.attach(dev, target)
    os.close(target)
    for name in NODES:
        fs.create_at(dev, name, 0o666)
        attach_at(dev, name, mounts.clone(source, name))
    for name, link in LINKS.items():
        os.symlink(link, name, dir_fd=dev)
    fs.mkdir("shm", 0o755, dir_fd=dev)
    attach_at(dev, "shm", mounts.clone(source, "shm"))
    fs.mkdir("pts", 0o755, dir_fd=dev)
    terminals = (("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5"))
    attach_at(dev, "pts", mounts.filesystem("devpts", terminals, mounts.NOSUID | mounts.NOEXEC))
    return dev


def attach_at(parent: int, name: str, mount: int) -> None:
    """Attach a detached mount at a name of ours, and let go of it."""
    target = beneath.open_strict(parent, name)
    mounts.attach(mount, target)
    os.close(target)
    os.close(mount)


def _hide(base: int, path: str, dev: int) -> None:
    """Cover a kernel path: a file by /dev/null, a directory by an empty read-only one."""
    try:
        target = beneath.open_strict(base, path)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return
        raise
    directory = stat.S_ISDIR(os.fstat(target).st_mode)
    cover = mounts.clone(dev, "empty" if directory else "null")
    mounts.restrict(cover, KERNEL | mounts.RDONLY if directory else mounts.RDONLY)
    mounts.attach(cover, target)
    os.close(cover)
    os.close(target)


def _protect(base: int, path: str) -> None:
    """Make a kernel path read-only, with everything below."""
    try:
        target = beneath.open_strict(base, path)
    except FileNotFoundError:
        return
    except CallError as err:
        if err.errno == errno.ENOENT:
            return
        raise
    view = mounts.clone(base, path, recursive=True)
    mounts.restrict(view, KERNEL | mounts.RDONLY, recursive=True)
    mounts.attach(view, target)
    os.close(view)
    os.close(target)


def _bind(base: int, where: str, bind: Bind, app: str) -> None:
    """Bind a volume. Its source is resolved once; its target inside the app's root only."""
    try:
        mount = mounts.clone(mounts.AT_FDCWD, bind.source, recursive=bind.recursive, follow=True)
    except CallError as err:
        raise LaunchError(
            f"app {app}: volume source {safe(bind.source, 120)}: {err.strerror}",
            "make it, or correct the volume",
            object=app,
        ) from err
    try:
        mode = os.fstat(mount).st_mode
        device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        limits = mounts.NOSUID | (0 if device else mounts.NODEV)
        limits |= mounts.RDONLY if bind.read_only else 0
        mounts.restrict(mount, limits, recursive=bind.recursive)
        make = beneath.make_dirs if stat.S_ISDIR(mode) else beneath.make_file
        try:
            target = make(base, where)
        except OSError as err:
            raise LaunchError(
                f"app {app}: mount target {safe(bind.where, 120)}: {err.strerror}",
                "something in its image is in the way",
                object=app,
            ) from err
        mounts.attach(mount, target)
        os.close(target)
    finally:
        os.close(mount)


def _names(root: int, plan: PodPlan) -> None:
    """/etc/hostname; /etc/hosts and /etc/mtab where the image has none (B5, B7).

    Done before any volume is there, so that nothing of it is written into a volume.
    """
    etc = beneath.make_dirs(root, "etc")
    try:
        fs.unlink("hostname", dir_fd=etc)
        fs.write_missing(etc, "hostname", f"{plan.hostname}\n".encode())
        names = f"127.0.0.1 localhost {plan.hostname}\n::1 localhost {plan.hostname}\n"
        fs.write_missing(etc, "hosts", names.encode())
        fs.symlink_missing("../proc/self/mounts", "mtab", etc)
    finally:
        os.close(etc)


def _given_files(root: int, plan: PodPlan, app: str) -> None:
    """hosts and resolv.conf that stage0 left in the pod's root, bound over what is there (B7)."""
    for name in ("hosts", "resolv.conf"):
        try:
            mount = mounts.clone(mounts.AT_FDCWD, f"{plan.root}/etc/rkt-{name}")
        except CallError as err:
            if err.errno == errno.ENOENT:
                continue
            raise
        try:
            mounts.restrict(mount, KERNEL)
            target = _etc_file(root, name)
            mounts.attach(mount, target)
            os.close(target)
        except OSError as err:
            raise LaunchError(
                f"app {app}: /etc/{name} cannot be provided: {err.strerror}",
                "something in its image is in the way",
                object=app,
            ) from err
        finally:
            os.close(mount)


def _etc_file(root: int, name: str) -> int:
    """Open /etc/NAME of an app's root, making it when missing; a link to nowhere, as systemd
    leaves for resolv.conf, is replaced, though never in a volume."""
    try:
        return beneath.make_file(root, f"etc/{name}")
    except FileExistsError:
        inside = beneath.IN_ROOT | beneath.NO_XDEV | beneath.NO_MAGICLINKS
        etc = beneath.open_at(root, "etc", beneath.DIRECTORY, inside)
        fs.unlink(name, dir_fd=etc)
        os.close(etc)
        return beneath.make_file(root, f"etc/{name}")
