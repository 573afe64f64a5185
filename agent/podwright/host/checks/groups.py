# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups: the version, the controllers, and which of them we may give to pods."""

from __future__ import annotations

import os

from podwright.host import cgrouptree
from podwright.host.checks.value import LIMITED, MISSING, OK, Check, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.cgrouptree import Hierarchy

WANTED = ("cpu", "memory", "pids", "io")
V1 = {"io": "blkio"}
DELEGATE = (
    "start the agent in a unit with Delegate=yes (systemd-run -p Delegate=yes ...), or with writable"
    " control groups"
)


def cgroups(
    root: str = "", writable: Callable[[str], bool] = lambda path: _divisible(path)
) -> Check:
    """Which limits can be enforced on pods."""
    found = cgrouptree.parse(read(f"{root}/proc/self/cgroup"), read(f"{root}/proc/self/mountinfo"))
    if not found:
        hint = "mount cgroup2 at /sys/fs/cgroup"
        return Check("cgroups", MISSING, "no control groups are mounted", hint)
    where = {name: _owner(name, found, root) for name in WANTED}
    lacking = [name for name, own in where.items() if own is None]
    mine = {own for own in where.values() if own is not None}
    closed = [name for name, own in where.items() if own and not writable(own)]
    version = _version(found, mine)
    if not mine:
        hint = "boot with the unified hierarchy, or mount the controllers"
        return Check("cgroups", MISSING, f"{version}, without controllers", hint)
    has = ", ".join(name for name in WANTED if name not in lacking)
    detail = f"{version} with {has}"
    if closed:
        return Check(
            "cgroups", LIMITED, f"{detail}; not ours to divide: {', '.join(closed)}", DELEGATE
        )
    if lacking:
        hint = "enable the controllers in the kernel, and pass them on to the agent's cgroup"
        return Check("cgroups", LIMITED, f"{detail}; without {', '.join(lacking)}", hint)
    return Check("cgroups", OK, detail)


def _owner(name: str, found: list[Hierarchy], root: str) -> Optional[str]:
    """Our directory in the hierarchy that has a controller."""
    for hierarchy in found:
        if hierarchy.version == 1 and V1.get(name, name) in hierarchy.controllers:
            return hierarchy.own
    for hierarchy in found:
        available = read(f"{root}{hierarchy.own}/cgroup.controllers").split()
        if hierarchy.version == 2 and name in available:
            return hierarchy.own
    return None


def _version(found: list[Hierarchy], used: set[str]) -> str:
    versions = {each.version for each in found if each.own in used or not used}
    return "v1 and v2" if len(versions) > 1 else f"v{versions.pop()}"


def _divisible(own: str) -> bool:
    """Whether it can have children with limits: ours, or such that a scope takes its place (v2)."""
    if not os.path.exists(f"{own}/cgroup.type") or cgrouptree.delegated(own):
        return _writable(own)
    return cgrouptree.is_login(own) and os.path.isdir(cgrouptree.RUNNING)


def _writable(own: str) -> bool:
    """Whether a child can be made there; it is removed at once."""
    path = f"{own}/podwright-check-{os.getpid()}"
    try:
        os.mkdir(path, 0o755)
    except OSError:
        return False
    os.rmdir(path)
    return True
