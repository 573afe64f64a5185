# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen pods (threats.md T85). We freeze nothing; who does must not keep a pod from ending.

A process that a v1 freezer holds is not even killed by SIGKILL before it is thawed. So whoever
ends a pod for good thaws the control group that freezes it, when nothing but that pod is in
it; a group that others are in is named, and theirs to thaw.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.host.cgrouptree import parse, read
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.stage1.namespaces.record import InitRecord

FREEZER = frozenset(("freezer",))


def frozen_by(pid: int) -> str:
    """The directory of the control group that keeps a process frozen, or ""."""
    for found in parse(read(f"/proc/{pid}/cgroup"), read("/proc/self/mountinfo"), FREEZER):
        directory = found.own
        while os.path.exists(f"{directory}/cgroup.procs"):
            if _freezes(directory, found.version):
                return directory
            directory = os.path.dirname(directory)
    return ""


def _freezes(directory: str, version: int) -> bool:
    name = "freezer.self_freezing" if version == 1 else "cgroup.freeze"
    return read(f"{directory}/{name}").strip() == "1"


def thaw(directory: str) -> None:
    """Let the processes of a control group go on."""
    step("thaw")
    v1 = os.path.exists(f"{directory}/freezer.state")
    fd = os.open(
        f"{directory}/{'freezer.state' if v1 else 'cgroup.freeze'}", os.O_WRONLY | os.O_CLOEXEC
    )
    try:
        os.write(fd, b"THAWED" if v1 else b"0")
    finally:
        os.close(fd)


def release(uuid: str, pids: Iterable[int], own: frozenset[int]) -> None:
    """Thaw what freezes these processes; raises HostError when others than `own` are in there."""
    for pid in pids:
        while directory := frozen_by(pid):
            others = members(directory) - own
            if others:
                raise blocked(uuid, directory)
            thaw(directory)


def blocked(uuid: str, directory: str) -> HostError:
    """That a pod cannot end."""
    v1 = os.path.exists(f"{directory}/freezer.state")
    how = (
        f"echo THAWED > {directory}/freezer.state" if v1 else f"echo 0 > {directory}/cgroup.freeze"
    )
    return HostError(
        f"pod {uuid}: is frozen by the control group {directory}",
        f"it ends when that is thawed: {how}",
        object=uuid,
    )


def members(top: str) -> frozenset[int]:
    """The processes in a control group and below, by the numbers that we know them by."""
    found: set[int] = set()
    for directory, _, _ in os.walk(top):
        try:
            with open(f"{directory}/cgroup.procs") as file:
                found.update(int(line) for line in file if line.strip() != "0")
        except OSError:
            continue
    return frozenset(found)


def own_processes(pod_dir: str, init: InitRecord) -> frozenset[int]:
    """Every process of a pod: in its control groups, in its pid namespace, and its parent."""
    found = {pid for directory in init.cgroups for pid in members(directory)}
    pid = init.process.get("pid")
    if isinstance(pid, int) and pid > 1:
        found.add(pid)
        found.update(_same_namespace(pid))
    parent = read(f"{pod_dir}/ppid").strip()
    if parent.isdigit():
        found.add(int(parent))
    return frozenset(found)


def _same_namespace(pid: int) -> set[int]:
    """The processes in the pid namespace of a process, unless that is ours."""
    try:
        wanted = os.readlink(f"/proc/{pid}/ns/pid")
        if wanted == os.readlink("/proc/self/ns/pid"):
            return set()
    except OSError:
        return set()
    found = set()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == wanted:
                found.add(int(name))
        except OSError:
            continue
    return found
