# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod of flavour fly as a plan (C5): the same values as in namespaces, with all of them kept.

Made for agents of the host, which need its full view. What is the default elsewhere is off: an
app has the agent's capabilities and no filter, unless somebody asked for less. Pure.
"""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.stage1.namespaces import capabilities, restrict
from podwright.stage1.namespaces.plan import compile_pod
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.isolators import Isolators
    from podwright.model.pod import PodApp
    from podwright.model.volume import Volume
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

ROOT = ("0", "root")
KEPT = frozenset(("net", "pid", "ipc", "uts", "user", "cgroup"))


def compile_fly(launch: Launch) -> PodPlan:
    """Plan a pod of flavour fly. Raises LaunchError naming what cannot be done in it."""
    _check(launch)
    plan = compile_pod(launch)
    apps = tuple(_app(launch, app, each) for app, each in zip(launch.manifest.apps, plan.apps))
    return replace(plan, kept=KEPT, host_net=True, apps=apps)


def _check(launch: Launch) -> None:
    """What preparing has refused already, for pods that came another way."""
    apps = launch.manifest.apps
    if len(apps) != 1:
        raise LaunchError("a fly pod has exactly one app", f"this one has {len(apps)}")
    if launch.net != "host":
        raise LaunchError(
            "a fly pod keeps the host's network", f"net {safe(launch.net)} needs another stage1"
        )
    if apps[0].app.isolators.sysctls:
        raise LaunchError(
            f"app {apps[0].name}: os/unix/sysctl cannot be enforced in fly",
            "its kernel settings are the host's: leave it out, or choose another stage1",
            object=apps[0].name,
        )


def _app(launch: Launch, app: PodApp, plan: AppPlan) -> AppPlan:
    for bind in plan.late_binds:
        check_late(app.name, bind)
    confined = _restrictions(launch, app, app.app.isolators, plan.restrictions)
    volumes = {volume.name: volume for volume in launch.manifest.volumes}
    return replace(
        plan,
        binds=tuple(_not_recursive(bind, volumes.get(bind.volume)) for bind in plan.binds),
        late_binds=(),
        hidden=(),
        read_only=(),
        restrictions=confined,
        nosuid=confined.no_new_privileges and plan.user not in ROOT,
        limits=replace(plan.limits, default_pids=None, devices=None),
        kept=KEPT,
    )


def _not_recursive(bind: Bind, volume: Optional[Volume]) -> Bind:
    """In fly a volume carries what is mounted below its source only when it says so (B2)."""
    if volume is None or volume.recursive is not None:
        return bind
    return replace(bind, recursive=False)


def _no_new(app: PodApp, asked: Isolators) -> bool:
    """For root only when asked for; another user is one of the host, and gets no more than there."""
    if app.app.user in ROOT:
        return asked.no_new_privileges is True
    return asked.no_new_privileges is not False


def check_late(app: str, bind: Bind) -> None:
    """/dev and /sys are the host's, so nothing is put into them; what is there already is fine."""
    if bind.where != bind.source or bind.read_only or bind.device != "rw":
        raise LaunchError(
            f"app {app}: a volume cannot be mounted at {safe(bind.where, 80)} in fly",
            "the app has the host's own /dev and /sys: mount it elsewhere, or leave it out",
            object=app,
        )


def _restrictions(
    launch: Launch, app: PodApp, asked: Isolators, found: restrict.Restrictions
) -> restrict.Restrictions:
    """`found` without what nobody asked for."""
    retained, removed = asked.caps_retain, asked.caps_remove
    capped = "capabilities" not in launch.insecure
    filtered = asked.seccomp_retain is not None or asked.seccomp_remove is not None
    granted = capabilities.granted(app.name, asked)  # refuses unknown names
    return replace(
        found,
        capabilities=granted if capped and retained is not None else None,
        removed=removed or () if capped else (),
        no_new_privileges=_no_new(app, asked),
        profile=found.profile if filtered else None,
    )
