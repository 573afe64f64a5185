# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Control groups of an app that is added to a pod that runs, below those that the pod has.

Whoever adds it may be in another group than whoever started the pod, so the pod's record counts.
"""

from __future__ import annotations

import os

from podwright.host import cgroups
from podwright.host.cgrouptree import BARE, Place, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.cgrouplimits import Limits

FILES = {
    "memory": "memory.limit_in_bytes",
    "cpu": "cpu.shares",
    "pids": "pids.max",
    "io": "blkio.reset_stats",
    "devices": "devices.deny",
}
"""What a v1 hierarchy has where a controller is in it."""


def of(
    directories: tuple[str, ...], app: str, limits: Limits, storage: frozenset[str]
) -> cgroups.PodCgroup:
    """The groups of an app; nothing is made yet. Raises LaunchError as `cgroups.plan` does.

    directories   the pod's, from its record
    storage       paths of what the app reads and writes
    """
    found: dict[str, Place] = {}
    for path in directories:
        version = 2 if os.path.exists(f"{path}/cgroup.controllers") else 1
        for controller in _controllers(path, version) or [BARE]:
            found.setdefault(controller, Place(version, os.path.dirname(path), path))
    wanted = {"pids", *limits.asked()}
    places = {name: found.get(name) for name in wanted}
    if BARE in found:
        places[BARE] = found[BARE]
    if "memory" in found and found["memory"].version == 2:
        places["memory"] = found["memory"]
    if limits.devices is not None and "devices" in found:
        places["devices"] = found["devices"]
    disks: tuple[str, ...] = ()
    if limits.of_disks():
        from podwright.host.disks import disks as behind

        disks = behind(storage)
    return cgroups.PodCgroup({app: limits}, places, disks=disks)


def _controllers(path: str, version: int) -> list[str]:
    if version == 2:
        return read(f"{path}/cgroup.subtree_control").split()
    return [name for name, file in FILES.items() if os.path.exists(f"{path}/{file}")]
