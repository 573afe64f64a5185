# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory and how many CPUs a pod's machine gets, from its limits. Pure.

The limits themselves are enforced within the machine, by the groups of its own kernel; this is what there must
be around them.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgrouplimits import Limits
    from podwright.stage1.namespaces.plan import PodPlan

MIB = 1 << 20
OVERHEAD = 128
"""MiB for the guest's kernel, its first processes, and the page cache that they cannot do without."""
FLOOR = 256
"""MiB that a machine has at least."""
UNLIMITED = 384
"""MiB for each app that says no limit: a machine must have an end. With OVERHEAD it makes 512."""
MOST = 1 << 22
"""MiB that a machine has at most (4 TiB): numbers beyond that are slips."""


@value
class Size:
    """Memory in MiB, and CPUs."""

    memory: int
    cpus: int


def size(plan: PodPlan, host_cpus: int, overhead: Optional[int] = None) -> Size:
    """What the machine of a pod gets.

    overhead  MiB, where an administrator says another number
    """
    apps = [app.limits for app in plan.apps]
    return Size(
        memory(plan.limits, apps, OVERHEAD if overhead is None else overhead),
        cpus(plan.limits, apps, host_cpus),
    )


def memory(pod: Limits, apps: list[Limits], overhead: int = OVERHEAD) -> int:
    """MiB: the pod's own limit, or the sum of its apps', and the overhead; never less than FLOOR."""
    limit = pod.memory
    if limit is None:
        limit = sum(UNLIMITED * MIB if app.memory is None else app.memory for app in apps)
    return min(max(FLOOR, -(-limit // MIB) + overhead), MOST)


def cpus(pod: Limits, apps: list[Limits], host_cpus: int) -> int:
    """Whole CPUs for what the limits add up to; one for all apps without a limit. At most the host's."""
    milli = pod.cpu_milli
    if milli is None:
        said = [app.cpu_milli for app in apps if app.cpu_milli is not None]
        milli = sum(said) + (1000 if len(said) < len(apps) else 0)
    return max(1, min(-(-milli // 1000), host_cpus))
