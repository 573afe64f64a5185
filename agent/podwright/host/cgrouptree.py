# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the caller's cgroups are, and how a v2 one comes to have children with controllers."""

from __future__ import annotations

import errno
import os

from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

SUPERVISOR = "podwright-supervisor"
"""Where we move ourselves under v2, so that our own cgroup can have children with controllers."""
BARE = "name=systemd"
"""systemd's own hierarchy, which controls nothing; in `Place`s: any group without controllers."""
INNER = "_app"
"""Under v2, in the group of an app that its limits are on: the one that its processes are in, the
root of their cgroup namespace. What they can make of that is within the outer one, which no mount
of theirs shows."""
NESTING = (("cgroup.max.depth", "10"), ("cgroup.max.descendants", "500"))
"""How an app may divide its own group, if it can at all, so that all of it can be removed (v2)."""
LOGINS = (
    *("user@", "ssh.service", "ssh@", "sshd.service", "sshd@"),
    *("getty@", "serial-getty@", "console-getty.", "container-getty@"),
)
"""How the units begin in which people, and whoever acts for them over SSH, have their processes."""
RUNNING = "/run/systemd/system"
USED = frozenset(("memory", "cpu", "pids", "blkio", "devices"))


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


@value
class Place:
    """Where one controller's cgroup of the pod is: below `own`, at `path`."""

    version: int
    own: str
    path: str


def parse(cgroup: str, mountinfo: str, wanted: frozenset[str] = USED) -> list[Hierarchy]:
    """Find a process's cgroups in the texts of /proc/PID/cgroup and /proc/self/mountinfo.

    wanted  the controllers that count; those of v2 are only known from its files, so they are
            left empty here
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
        used = wanted & set(names.split(","))
        key = names.split(",")[0]
        if key in mounted and (used or not names):
            root, point = mounted[key]
            inside = path[len(root) :] if root != "/" and path.startswith(root) else path
            own = f"{point}/{inside.lstrip('/')}".rstrip("/")
            if own.endswith(f"/{SUPERVISOR}"):
                own = os.path.dirname(own)  # an earlier launch of this same process
            out.append(Hierarchy(1 if names else 2, used, own))
    return out


def find() -> list[Hierarchy]:
    """The caller's cgroups."""
    return parse(read("/proc/self/cgroup"), read("/proc/self/mountinfo"))


def choose(name: str, controller: str, found: list[Hierarchy]) -> Optional[Place]:
    """Where the cgroup `name` is to have a controller; None when there is no such place.

    Devices are no controller of v2: a program on the cgroup watches them (`kernel/devicefilter`).
    """
    for hierarchy in found:
        used = "blkio" if controller == "io" else controller
        if hierarchy.version == 1 and used in hierarchy.controllers:
            return Place(1, hierarchy.own, f"{hierarchy.own}/{name}")
    for hierarchy in found:
        available = read(f"{hierarchy.own}/cgroup.controllers") if hierarchy.version == 2 else ""
        if controller in available.split():
            return Place(2, hierarchy.own, f"{hierarchy.own}/{name}")
    return None


def read(path: str) -> str:
    """A file's text; "" when it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def put(path: str, text: str) -> None:
    """Write to a cgroup's file."""
    step("write")
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def ensure(path: str) -> None:
    """Make a cgroup unless it is there."""
    step("mkdir")
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        return


def leaf(directory: str) -> str:
    """Where the processes of an app are whose group this is, of this agent's or an older one's."""
    inner = f"{directory}/{INNER}"
    return inner if os.path.isdir(inner) else directory


def prune(path: str) -> bool:
    """Try to remove a cgroup with all below it, however deep that is; whether it is gone."""
    found: list[str] = []
    left = [path]
    while left:
        one = left.pop()
        try:
            left += [entry.path for entry in os.scandir(one) if entry.is_dir()]
        except FileNotFoundError:
            continue
        except OSError:
            return False  # its path is too long for us
        found.append(one)
    gone = True
    for one in reversed(found):
        step("rmdir")
        try:
            os.rmdir(one)
        except OSError as err:
            gone = err.errno == errno.ENOENT and gone
    return gone


def bound(path: str) -> None:
    """Let nothing be nested in a group of v2 without end."""
    for file, text in NESTING:
        try:
            put(f"{path}/{file}", text)
        except FileNotFoundError:
            return  # Linux before 4.14


def enable(own: str, controller: str) -> None:
    """Pass a v2 controller on to children of our own cgroup.

    But for the root, that needs a cgroup without processes of its own; the kernel would let us
    do it for some controllers, and then refuse processes in the children. In a cgroup that
    systemd delegated to us all processes are ours, and move one level down.
    """
    if controller in read(f"{own}/cgroup.subtree_control").split():
        return
    inside = read(f"{own}/cgroup.procs").split() if os.path.exists(f"{own}/cgroup.type") else []
    if inside and not delegated(own):
        raise OSError(errno.EBUSY, "the caller's cgroup is not delegated to it")
    if inside:
        ensure(f"{own}/{SUPERVISOR}")
        for pid in inside:
            put(f"{own}/{SUPERVISOR}/cgroup.procs", pid)
    put(f"{own}/cgroup.subtree_control", f"+{controller}")


def bare(name: str) -> Optional[Place]:
    """Where a cgroup can be that only tells whose processes are whose, below what systemd delegated
    to us; None when there is no such place."""
    found = parse(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), frozenset((BARE,)))
    for hierarchy in sorted(found, key=lambda one: -one.version):
        if os.access(hierarchy.own, os.W_OK) and delegated(hierarchy.own):
            return Place(hierarchy.version, hierarchy.own, f"{hierarchy.own}/{name}")
    return None


def unified(name: str) -> Optional[Place]:
    """Where a cgroup of v2 can be beside those of v1, without any controller; None: nowhere."""
    found = parse(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), frozenset((BARE,)))
    for hierarchy in found:
        if hierarchy.version == 2 and os.access(hierarchy.own, os.W_OK):
            return Place(2, hierarchy.own, f"{hierarchy.own}/{name}")
    return None


def give(path: str, owner: int) -> None:
    """Leave a cgroup of v2, with what is below it, to a user (cgroups(7), delegation)."""
    step("chown")
    os.chown(path, owner, owner)
    for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "memory.oom.group"):
        if os.path.exists(f"{path}/{name}"):
            step("chown")
            os.chown(f"{path}/{name}", owner, owner)


def delegated(own: str) -> bool:
    """Whether systemd has left a cgroup to whoever is in it."""
    for name in ("trusted.delegate", "user.delegate"):
        try:
            if os.getxattr(own, name) == b"1":
                return True
        except OSError:
            continue
    return False


def is_login(own: str) -> bool:
    """Whether a cgroup is in a unit that people log in to."""
    parts = own.split("/")
    unit = next((part for part in parts if part.endswith((".service", ".scope"))), "")
    # logind's are there; anybody can name a scope like one
    session = "user.slice" in parts and unit.startswith("session-") and unit.endswith(".scope")
    return session or unit.startswith(LOGINS)


def needs_scope(found: list[Hierarchy]) -> bool:
    """Whether a pod of v2 that we run can only have limits in a unit of its own, and systemd is
    there to make one (`scope`)."""
    own = found[0].own if len(found) == 1 and found[0].version == 2 else ""
    return is_login(own) and os.path.isdir(RUNNING) and not delegated(own)
