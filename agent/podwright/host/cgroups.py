# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups of a pod: one below the caller's own, and one per app below that.

v1 hierarchies and v2 (cgroups(7)). A limit that was asked for and cannot be enforced is
refused; our own default (processes per app) is then only noted. A process joins by itself:
writing "0" to `tasks` spares the kernel a grace period (20 ms) that moving another one costs.
"""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

DEFAULT_PIDS = 1024
INIT = "_init"
"""The pod's own processes under v2; no app can have a name with an underscore."""
SUPERVISOR = "podwright-supervisor"
"""Where we move ourselves under v2, so that our own cgroup can have children with controllers."""


@value
class Limits:
    """Limits of an app: bytes, thousandths of a core, shares (2..262144), processes.

    default_pids  most processes where nobody said how many; None for any number
    """

    memory: Optional[int] = None
    cpu_milli: Optional[int] = None
    cpu_shares: Optional[int] = None
    pids: Optional[int] = None
    default_pids: Optional[int] = DEFAULT_PIDS

    def asked(self) -> frozenset[str]:
        """The controllers that the limits need."""
        wants = (
            ("memory", self.memory is not None),
            ("cpu", self.cpu_milli is not None or self.cpu_shares is not None),
            ("pids", self.pids is not None),
        )
        return frozenset(name for name, wanted in wants if wanted)


@value
class Hierarchy:
    """The caller's cgroup in one mounted hierarchy.

    version      1 or 2
    controllers  those it has that we use
    own          directory of the caller's cgroup
    """

    version: int
    controllers: frozenset[str]
    own: str


USED = frozenset(("memory", "cpu", "pids"))


def parse(cgroup: str, mountinfo: str) -> list[Hierarchy]:
    """Find the caller's cgroups in the texts of /proc/self/cgroup and /proc/self/mountinfo.

    The controllers of v2 are only known from its files, so they are left empty here.
    """
    mounted: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        kind, _, rest = tail.partition(" ")
        if kind not in ("cgroup", "cgroup2"):
            continue
        fields = head.split(" ")
        options = rest.split(" ")[-1].split(",") if kind == "cgroup" else [""]
        for option in options:
            mounted.setdefault(option, (fields[3], fields[4]))
    out = []
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        used = USED & set(names.split(","))
        key = names.split(",")[0]
        if key in mounted and (used or not names):
            root, point = mounted[key]
            inside = path[len(root) :] if root != "/" and path.startswith(root) else path
            own = f"{point}/{inside.lstrip('/')}".rstrip("/")
            if own.endswith(f"/{SUPERVISOR}"):
                own = os.path.dirname(own)  # an earlier launch of this same process
            out.append(Hierarchy(1 if names else 2, used, own))
    return out


def _text(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _put(path: str, text: str) -> None:
    step("write")
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


@value
class Place:
    """Where one controller's cgroup of the pod is: below `own`, at `path`."""

    version: int
    own: str
    path: str


class PodCgroup:
    """The cgroups of one pod: `plan` it, `make` it, and `remove` it when the pod has ended.

    notes   sentences about defaults of ours that this host cannot enforce
    """

    def __init__(self, apps: Mapping[str, Limits], places: dict[str, Optional[Place]]) -> None:
        self.apps = apps
        self.notes: list[str] = []
        self.places = {name: place for name, place in places.items() if place is not None}
        for name, place in places.items():
            if place is None:
                self._miss(name, "not available in the caller's cgroup")

    def directories(self) -> list[str]:
        """The pod's cgroup in every hierarchy in use, for the record that gc reads."""
        return sorted({place.path for place in self.places.values()})

    def init_files(self) -> list[str]:
        """Where the pod's PID 1 writes "0" to join."""
        return self._files(INIT)

    def app_files(self, app: str) -> list[str]:
        """Where a process of an app writes "0" to join."""
        return self._files(app)

    def _files(self, leaf: str) -> list[str]:
        files = set()
        for place in self.places.values():
            if place.version == 2:
                files.add(f"{place.path}/{leaf}/cgroup.procs")
            else:
                files.add(f"{place.path}/tasks" if leaf == INIT else f"{place.path}/{leaf}/tasks")
        return sorted(files)

    def make(self) -> None:
        """Make the cgroups and set the apps' limits.

        Raises LaunchError naming controller and app for a limit that cannot be enforced; what
        was made until then is for `remove`.
        """
        for controller, place in sorted(self.places.items()):
            try:
                self._make_controller(controller, place)
            except OSError as err:
                self._miss(controller, err.strerror or str(err))
                _remove_one(place.path)
                del self.places[controller]

    def _make_controller(self, controller: str, place: Place) -> None:
        if place.version == 2:
            _enable(place.own, controller)
        _ensure(place.path)
        if place.version == 2:
            _put(f"{place.path}/cgroup.subtree_control", f"+{controller}")
            _ensure(f"{place.path}/{INIT}")
        for app, limits in self.apps.items():
            _ensure(f"{place.path}/{app}")
            for file, text in settings(controller, place.version, limits):
                _put(f"{place.path}/{app}/{file}", text)

    def _miss(self, controller: str, cause: str) -> None:
        """A controller cannot be used: refuse when it was asked for, else note it."""
        for app, limits in self.apps.items():
            if controller in limits.asked():
                raise LaunchError(
                    f"app {app}: its {controller} limit cannot be enforced"
                    f" (controller {controller}: {cause})",
                    "give the agent a writable cgroup with this controller (Delegate=yes in its"
                    " unit), or drop the limit",
                    object=app,
                )
        text = f"no limit on the number of processes of an app: controller {controller}: {cause}"
        self.notes.append(text)

    def remove(self) -> None:
        """Remove the cgroups; waits up to a second for their last processes to be gone."""
        remove(self.directories())


def plan(name: str, apps: Mapping[str, Limits]) -> PodCgroup:
    """Choose where the cgroups of a pod will be; nothing is made yet.

    Raises LaunchError naming controller and app for a limit that cannot be enforced.
    """
    found = parse(_text("/proc/self/cgroup"), _text("/proc/self/mountinfo"))
    wanted = frozenset(("pids",)).union(*(limits.asked() for limits in apps.values()))
    return PodCgroup(apps, {controller: _place(name, controller, found) for controller in wanted})


def _place(name: str, controller: str, found: list[Hierarchy]) -> Optional[Place]:
    for hierarchy in found:
        if hierarchy.version == 1 and controller in hierarchy.controllers:
            return Place(1, hierarchy.own, f"{hierarchy.own}/{name}")
    for hierarchy in found:
        available = _text(f"{hierarchy.own}/cgroup.controllers") if hierarchy.version == 2 else ""
        if controller in available.split():
            return Place(2, hierarchy.own, f"{hierarchy.own}/{name}")
    return None


def _enable(own: str, controller: str) -> None:
    """Pass a v2 controller on to children of our own cgroup.

    But for the root, that needs a cgroup without processes of its own; the kernel would let us
    do it for some controllers, and then refuse processes in the children. In a cgroup that
    systemd delegated to us all processes are ours, and move one level down.
    """
    if controller in _text(f"{own}/cgroup.subtree_control").split():
        return
    inside = _text(f"{own}/cgroup.procs").split() if os.path.exists(f"{own}/cgroup.type") else []
    if inside and not _delegated(own):
        raise OSError(errno.EBUSY, "the caller's cgroup is not delegated to it")
    if inside:
        _ensure(f"{own}/{SUPERVISOR}")
        for pid in inside:
            _put(f"{own}/{SUPERVISOR}/cgroup.procs", pid)
    _put(f"{own}/cgroup.subtree_control", f"+{controller}")


def _delegated(own: str) -> bool:
    for name in ("trusted.delegate", "user.delegate"):
        try:
            if os.getxattr(own, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _ensure(path: str) -> None:
    step("mkdir")
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return


def settings(controller: str, version: int, limits: Limits) -> list[tuple[str, str]]:
    """The files of one controller that express an app's limits, with their content."""
    if controller == "pids":
        most = limits.default_pids if limits.pids is None else limits.pids
        return [("pids.max", "max" if most is None else str(most))]
    if controller == "memory":
        if limits.memory is None:
            return []
        return [("memory.max" if version == 2 else "memory.limit_in_bytes", str(limits.memory))]
    out = []
    if limits.cpu_milli is not None:
        quota = max(1000, limits.cpu_milli * 100)
        if version == 2:
            out.append(("cpu.max", f"{quota} 100000"))
        else:
            out += [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", str(quota))]
    if limits.cpu_shares is not None:
        weight = 1 + (limits.cpu_shares - 2) * 9999 // 262142
        shares = str(limits.cpu_shares)
        out.append(("cpu.weight", str(weight)) if version == 2 else ("cpu.shares", shares))
    return out


def remove(directories: list[str]) -> None:
    """Remove pods' cgroups with their children. Safe to repeat; what is busy for a second stays."""
    import time

    deadline = time.monotonic() + 1.0
    for path in directories:
        while not _remove_one(path) and time.monotonic() < deadline:
            time.sleep(0.01)


def _remove_one(path: str) -> bool:
    """Try to remove a cgroup and its children; whether it is gone."""
    try:
        children = [entry.path for entry in os.scandir(path) if entry.is_dir()]
    except FileNotFoundError:
        return True
    for directory in (*children, path):
        step("rmdir")
        try:
            os.rmdir(directory)
        except OSError as err:
            if err.errno != errno.ENOENT:
                return False
    return True
