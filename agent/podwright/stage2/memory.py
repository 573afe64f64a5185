# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel killed for want of memory, by what an app's control group counts.

Only loaded when an app or its pod has a memory limit, or everything is counted (v2). PID 1 opens
the files while it is root of the host and sees its files.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.namespaces.plan import PodPlan

FILES = {1: "memory.oom_control", 2: "memory.events"}
ELSEWHERE = "the memory that its unit, or its host, has"
"""What there is for apps without a limit."""
_UNITS = ((1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki"))


class Memory:
    """The memory of one app: `limit` says in words what it may not have more of."""

    def __init__(self, fd: int, limit: str) -> None:
        self.fd = fd
        self.limit = limit
        self.before = self._count()

    def killed(self) -> bool:
        """Whether anything of the app was killed for it since we were asked last."""
        before, self.before = self.before, self._count()
        return self.before > before

    def _count(self) -> int:
        """How often that happened; Linux before 4.13 does not count it."""
        for line in os.pread(self.fd, 4096, 0).split(b"\n"):
            name, _, number = line.partition(b" ")
            if name == b"oom_kill":
                return int(number)
        return 0


def watch(plan: PodPlan, group: PodCgroup) -> dict[str, Memory]:
    """By app, those that have a limit, or share their pod's; under v2 all of them."""
    place = group.places.get("memory")
    if place is None:
        return {}
    found = {}
    for app in plan.apps:
        limit = words(app.limits.memory, plan.limits.memory)
        if plan.machine:
            limit = limit or of_machine()
        elif place.version == 2:
            limit = limit or ELSEWHERE
        if limit:
            path = f"{group.place_of(place, app.name)}/{FILES[place.version]}"
            found[app.name] = Memory(os.open(path, os.O_RDONLY | os.O_CLOEXEC), limit)
    return found


def words(own: Optional[int], of_pod: Optional[int]) -> str:
    said = [f"its memory limit of {_size(own)}"] if own is not None else []
    said += [f"its pod's memory limit of {_size(of_pod)}"] if of_pod is not None else []
    return " or ".join(said)


def of_machine() -> str:
    """What there is for apps without a limit."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return f"the memory of its machine, {whole}Mi: it has more when the app has a memory limit"


def _size(number: int) -> str:
    for unit, name in _UNITS:
        if number and number % unit == 0:
            return f"{number // unit}{name}"
    return str(number)
