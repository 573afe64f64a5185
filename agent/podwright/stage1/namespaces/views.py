# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""/dev, /proc and /sys of a pod and of its apps, and what of them is hidden (B5, T64).

They must be directories of the image, or missing: links are refused, since they could
redirect what is mounted there.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.errors import LaunchError
from podwright.kernel import beneath, fs, mounts
from podwright.kernel.step import step
from podwright.stage1.namespaces import targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import AppPlan

KERNEL = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC
"""How everything is mounted that holds neither programs nor devices."""
UNIFIED = "/sys/fs/cgroup/cgroup.controllers"
"""There where cgroup v2 is all that there is."""
TTY = 5
"""The group that terminals belong to, in every distribution."""
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


def pod_devices(pod: int, groups: bool = False) -> int:
    """/dev of the pod's root: device nodes, shared memory and an empty directory, to bind from.

    groups   there is to be a place for control groups also where the host has others than v2

    Nodes of our own, so that nothing on the host's /dev, nor a link there, can stand in for them.
    """
    target = _directory(pod, "dev")
    dev = mounts.filesystem("tmpfs", (("mode", "0755"),), mounts.NOSUID | mounts.NOEXEC)
    mounts.attach(dev, target)
    os.close(target)
    for name, (major, minor) in NODES.items():
        fs.make_device(dev, name, major, minor)
    fs.mkdir("empty", 0o555, dir_fd=dev)
    if groups or os.path.exists(UNIFIED):
        fs.mkdir("fs", 0o755, dir_fd=dev)
        fs.mkdir("fs/cgroup", 0o555, dir_fd=dev)
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


def mount_views(
    root: int, dev: int, app: AppPlan, first: int = 0, proc: int = -1
) -> dict[str, int]:
    """Mount /dev, /proc and, unless a volume sits there, /sys; descriptors of them by name.

    first  the host's number of the pod's root
    proc   the pod's own /proc, for who is not in its pid namespace
    """
    bases = {"dev": _devices(root, dev, app.name, first)}
    if proc < 0:
        bases["proc"] = _mounted(root, app.name, "proc", "proc", KERNEL)
    else:
        bases["proc"] = mounts.clone(proc, "")
        target = mount_point(root, app.name, "proc")
        mounts.attach(bases["proc"], target)
        os.close(target)
    if app.sys:
        mode = mounts.RDONLY if app.sys == "ro" else 0
        bases["sys"] = _mounted(root, app.name, "sys", "sysfs", KERNEL | mode)
    else:
        os.close(mount_point(root, app.name, "sys"))
    return bases


def cover(bases: dict[str, int], dev: int, app: AppPlan) -> None:
    """Hide and protect what the plan says, where it exists."""
    volume = _in_place_of_group(bases, app)
    for base, path in app.hidden:
        if base in bases:
            _hide(bases[base], path, dev)
    if volume >= 0:
        attach_at(bases["sys"], "fs/cgroup", volume)
    for base, path in app.read_only:
        if base in bases:
            _protect(bases[base], path)


def _in_place_of_group(bases: dict[str, int], app: AppPlan) -> int:
    """A copy of the volume where an app's group would be shown, which is to stay when the rest of
    /sys/fs is hidden; -1: none is there."""
    wanted = any(bind.where == "/sys/fs/cgroup" for bind in app.late_binds)
    if not (wanted and app.hidden and "sys" in bases and os.path.exists(UNIFIED)):
        return -1
    return mounts.clone(bases["sys"], "fs/cgroup", recursive=True)


def shows_group(app: AppPlan, joins: list[str]) -> bool:
    """Whether an app is shown its control group: it has one of v2, and nothing else is in that place.

    joins  the files by which its processes join it
    """
    taken = any(f"{bind.where}/".startswith("/sys/fs/") for bind in app.late_binds)
    own = any(name.endswith("/cgroup.procs") for name in joins)
    return own and bool(app.sys) and not app.kept and not taken


def own_proc(root: int, app: AppPlan) -> None:
    """A /proc of the pid namespace that we are in, over the pod's, with the same of it covered."""
    target = beneath.open_strict(root, "proc", beneath.DIRECTORY)
    proc = mounts.filesystem("proc", (), KERNEL)
    mounts.attach(proc, target)
    os.close(target)
    dev = os.open("/dev", beneath.DIRECTORY)
    cover({"proc": proc}, dev, app)
    os.close(dev)
    os.close(proc)


def show_groups(root: int, read_only: bool = True) -> None:
    """In an app's own namespaces: its control group, where programs look for it, for reading only,
    unless it is the app's to divide.

    Nothing is shown where a volume is in its place, or nothing is hidden, nor where a kernel refuses.
    """
    try:
        target = beneath.open_strict(root, "sys/fs/cgroup", beneath.DIRECTORY)
    except OSError:
        return
    try:
        mode = mounts.RDONLY if read_only else 0
        mount = mounts.filesystem("cgroup2", (("source", "cgroup2"),), KERNEL | mode)
        mounts.attach(mount, target)
        os.close(mount)
    except OSError:
        return
    finally:
        os.close(target)


def mount_point(root: int, app: str, name: str) -> int:
    """A directory directly below an app's root; anything else there is refused."""
    try:
        found = _directory(root, name)
        targets.check_shared(root, name, found)
        return found
    except OSError as err:
        if err.errno == errno.EXDEV:
            raise LaunchError(
                f"app {app}: /{name} in its image: {err.strerror}",
                "the volume's target is a link in the image: choose another one",
                object=app,
            ) from None
        if err.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise LaunchError(
            f"app {app}: /{name} in its image is not a directory",
            "a link or a file there could redirect what the pod mounts: rebuild the image",
            object=app,
        ) from None


def _mounted(root: int, app: str, name: str, fstype: str, attributes: int) -> int:
    target = mount_point(root, app, name)
    try:
        mount = mounts.filesystem(fstype, (), attributes)
        mounts.attach(mount, target)
    finally:
        os.close(target)
    return mount


def _devices(root: int, source: int, app: str, first: int) -> int:
    """The app's own /dev; without device files of its own, so it is `nodev` but for the nodes."""
    target = mount_point(root, app, "dev")
    options = (("mode", "0755"), ("size", "65536"), ("nr_inodes", "1024"))
    dev = mounts.filesystem("tmpfs", options, KERNEL)
    mounts.attach(dev, target)
    os.close(target)
    for name in NODES:
        fs.create_at(dev, name, 0o666)
        attach_at(dev, name, mounts.clone(source, name))
    for name, link in LINKS.items():
        fs.symlink(link, name, dir_fd=dev)
    fs.mkdir("shm", 0o755, dir_fd=dev)
    attach_at(dev, "shm", mounts.clone(source, "shm"))
    fs.mkdir("pts", 0o755, dir_fd=dev)
    terminals = (
        ("newinstance", ""),
        ("ptmxmode", "0666"),
        ("mode", "0620"),
        ("gid", str(first + TTY)),
    )
    pts = mounts.filesystem("devpts", terminals, mounts.NOSUID | mounts.NOEXEC)
    if first:
        step("chown")
        os.chown(".", first, first, dir_fd=pts)
    attach_at(dev, "pts", pts)
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
        target = beneath.open_at(base, path, beneath.PATH, beneath.STRICT | beneath.NO_XDEV)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EXDEV):
            return  # EXDEV: a volume that the operator put there
        raise
    directory = stat.S_ISDIR(os.fstat(target).st_mode)
    stand_in = "null"
    if directory:
        # With a place for the app's control group; not in a pod that an older agent has started.
        stand_in = "fs" if path == "fs" and os.access("fs", os.F_OK, dir_fd=dev) else "empty"
    cover = mounts.clone(dev, stand_in)
    mounts.restrict(cover, KERNEL | mounts.RDONLY if directory else mounts.RDONLY)
    mounts.attach(cover, target)
    os.close(cover)
    os.close(target)


def _protect(base: int, path: str) -> None:
    """Make a kernel path read-only, with everything below."""
    try:
        target = beneath.open_at(base, path, beneath.PATH, beneath.STRICT | beneath.NO_XDEV)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.EXDEV):
            return
        raise
    view = mounts.clone(base, path, recursive=True)
    mounts.restrict(view, KERNEL | mounts.RDONLY, recursive=True)
    mounts.attach(view, target)
    os.close(view)
    os.close(target)
