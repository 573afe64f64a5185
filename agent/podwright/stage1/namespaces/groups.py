# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a plan to the control groups of its pod."""

from __future__ import annotations

from podwright.host import cgroups
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.cgrouplimits import Limits
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

LATER = frozenset(("memory", "cpu", "io", "devices"))
"""Controllers that an app may need which is added to the pod later."""


def of(plan: PodPlan) -> cgroups.PodCgroup:
    """Choose the cgroups of a pod; nothing is made yet. Raises LaunchError."""
    apps = limits_of(plan)
    counted = frozenset(("memory",)) if plan.machine else frozenset[str]()
    spare = LATER if plan.mutable else counted
    divided = any(app.system for app in plan.apps)
    name = f"podwright-{plan.uuid}"
    return cgroups.plan(name, apps, plan.limits, storage(plan), spare, divided)


def divide(plan: PodPlan, group: cgroups.PodCgroup) -> None:
    """Leave apps with an init of their own what that divides. Raises LaunchError."""
    for app in plan.apps:
        if app.system and plan.users is not None:
            group.divide(app.name, plan.users.first)


def limits_of(plan: PodPlan) -> dict[str, Limits]:
    """What is enforced on each app."""
    apps = {app.name: app.limits for app in plan.apps}
    for device in plan.devices:
        known = apps[device.app].devices
        if known is not None:
            rule = f"{device.kind} {device.major}:{device.minor} {device.access}"
            apps[device.app] = replace(apps[device.app], devices=(*known, rule))
    return apps


def storage(plan: PodPlan) -> frozenset[str]:
    """Paths of what the pod reads and writes."""
    return frozenset((plan.pod_dir,)).union(*(_storage(app) for app in plan.apps))


def _storage(app: AppPlan) -> frozenset[str]:
    binds = app.binds + app.late_binds
    return frozenset((*app.trees, *(bind.source for bind in binds if bind.kind == "host")))
