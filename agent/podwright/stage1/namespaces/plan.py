# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prepared pod to everything that will be done for it, as values.

Pure: nothing of the host is looked at, so that a plan can be printed (`describe`) and tested
without root. What can be refused from the manifest alone is refused here.
"""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.host.cgroups import Limits
from podwright.stage1.contract import Ready
from podwright.stage1.namespaces import capabilities, environment, kernelpaths, seccomp
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.image import MountPoint
    from podwright.model.pod import PodApp, Volume
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.seccomp import Profile


@value
class EmptyVolume:
    """A fresh directory of the pod, made before it is bound."""

    path: str
    mode: int
    uid: int
    gid: int


@value
class Bind:
    """A path of the host at `where` in an app's root."""

    where: str
    source: str
    read_only: bool = False
    recursive: bool = True


@value
class Restrictions:
    """What is enforced on every process of an app.

    capabilities   names, or None: whatever the agent has
    profile        the system call filter, or None for none
    """

    capabilities: Optional[tuple[str, ...]]
    no_new_privileges: bool
    profile: Optional[Profile]
    oom_score_adj: Optional[int] = None


@value
class AppPlan:
    """One app.

    trees       what its image root is stacked from, on the host, top first
    writable    directory of the pod for what it writes: overlay's upper and work
    root        where its root is mounted, relative to the pod's root
    binds       volumes below the root; `late_binds` those in /dev and /sys, which come after
    hidden, read_only    (proc | sys, path below) pairs
    sys         how /sys is mounted: ro, rw, or "" when a volume sits there
    """

    name: str
    trees: tuple[str, ...]
    writable: str
    root: str
    overlay: bool
    read_only_root: bool
    binds: tuple[Bind, ...]
    late_binds: tuple[Bind, ...]
    hidden: tuple[tuple[str, str], ...]
    read_only: tuple[tuple[str, str], ...]
    sys: str
    exec: tuple[str, ...]
    pre_start: tuple[str, ...]
    post_stop: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    user: str
    group: str
    supplementary_gids: tuple[int, ...]
    directory: str
    restrictions: Restrictions
    limits: Limits


@value
class PodPlan:
    """A whole pod.

    root       the pod's own root on the host, `<pod dir>/stage1/rootfs`
    host_net   the host's network namespace is kept
    """

    uuid: str
    pod_dir: str
    root: str
    hostname: str
    host_net: bool
    volumes: tuple[EmptyVolume, ...]
    apps: tuple[AppPlan, ...]
    ready: Ready
    stop_timeout: float
    interactive: bool


def compile_pod(launch: Launch) -> PodPlan:
    """Plan a pod. Raises LaunchError naming the app and what cannot be done."""
    manifest = launch.manifest
    if launch.interactive and len(manifest.apps) > 1:
        raise LaunchError("an interactive pod has one app", f"this one has {len(manifest.apps)}")
    volumes = {volume.name: volume for volume in manifest.volumes}
    empty: dict[str, EmptyVolume] = {}
    apps = tuple(_app(launch, app, volumes, empty) for app in manifest.apps)
    names = [app.name for app in apps]
    if launch.ready.app and launch.ready.app not in names:
        raise LaunchError(
            f"readiness names app {safe(launch.ready.app, 60)!r}",
            f"this pod's apps are {', '.join(names)}",
        )
    return PodPlan(
        uuid=launch.uuid,
        pod_dir=launch.pod_dir,
        root=f"{launch.pod_dir}/stage1/rootfs",
        hostname=launch.hostname or f"rkt-{launch.uuid}",
        host_net=launch.net == "host",
        volumes=tuple(empty.values()),
        apps=apps,
        ready=launch.ready,
        stop_timeout=launch.stop_timeout,
        interactive=launch.interactive,
    )


def _app(
    launch: Launch, app: PodApp, volumes: dict[str, Volume], empty: dict[str, EmptyVolume]
) -> AppPlan:
    if not app.app.exec:
        raise LaunchError(
            f"app {app.name}: there is nothing to run", "its image names no program: give --exec"
        )
    binds = sorted(_binds(launch, app, volumes, empty), key=lambda bind: bind.where.count("/"))
    late = tuple(bind for bind in binds if _is_late(bind.where))
    handlers = {handler.name: handler.exec for handler in app.app.handlers}
    paths = "paths" not in launch.insecure
    isolators = app.app.isolators
    return AppPlan(
        name=app.name,
        trees=launch.trees[app.name],
        writable=f"{launch.pod_dir}/overlay/{app.name}",
        root=f"opt/stage2/{app.name}/rootfs",
        overlay=launch.overlay,
        read_only_root=app.readonly_rootfs,
        binds=tuple(bind for bind in binds if bind not in late),
        late_binds=late,
        hidden=kernelpaths.HIDDEN if paths else (),
        read_only=kernelpaths.READ_ONLY if paths else (),
        sys="" if any(bind.where == "/sys" for bind in binds) else "ro" if paths else "rw",
        exec=app.app.exec,
        pre_start=handlers.get("pre-start", ()),
        post_stop=handlers.get("post-stop", ()),
        environment=environment.environment(app.name, app.app.environment),
        user=app.app.user,
        group=app.app.group,
        supplementary_gids=app.app.supplementary_gids,
        directory=app.app.working_directory,
        restrictions=_restrictions(launch, app),
        limits=Limits(isolators.memory, isolators.cpu_milli, isolators.cpu_shares, isolators.pids),
    )


def _restrictions(launch: Launch, app: PodApp) -> Restrictions:
    isolators = app.app.isolators
    granted = capabilities.granted(app.name, isolators)
    no_new = isolators.no_new_privileges is not False
    profile = None
    if "seccomp" not in launch.insecure:
        profile = seccomp.profile(app.name, isolators, granted, sets_caps_late=not no_new)
    kept = None if "capabilities" in launch.insecure else granted
    return Restrictions(kept, no_new, profile, isolators.oom_score_adj)


def _binds(
    launch: Launch, app: PodApp, volumes: dict[str, Volume], empty: dict[str, EmptyVolume]
) -> list[Bind]:
    """Explicit mounts, then mount points by name, then implicit empty volumes (B2)."""
    points = {_normal(point.path): point for point in app.app.mount_points}
    chosen: dict[str, str] = {_normal(mount.path): mount.volume for mount in app.mounts}
    for where, point in points.items():
        if where not in chosen:
            chosen[where] = point.name if point.name in volumes else ""
    out = []
    for where, name in chosen.items():
        _check_target(app.name, where)
        if name and name not in volumes:
            raise LaunchError(
                f"app {app.name}: nothing to mount at {safe(where, 80)}",
                f"the pod has no volume {safe(name, 60)!r}",
                object=app.name,
            )
        out.append(_bind(launch, app.name, where, points.get(where), volumes.get(name), empty))
    return out


def _bind(
    launch: Launch,
    app: str,
    where: str,
    point: Optional[MountPoint],
    volume: Optional[Volume],
    empty: dict[str, EmptyVolume],
) -> Bind:
    said = volume.read_only if volume is not None else None
    read_only = said if said is not None else bool(point and point.read_only)
    if volume is not None and volume.kind == "host":
        return Bind(where, volume.source, read_only, volume.recursive is not False)
    name = volume.name if volume is not None else f"{app}-{point.name if point else ''}"
    path = f"{launch.pod_dir}/sharedVolumes/{name}"
    mode, uid, gid = (volume.mode, volume.uid, volume.gid) if volume else (0o755, 0, 0)
    empty[name] = EmptyVolume(path, mode, uid, gid)
    return Bind(where, path, read_only, False)


def _normal(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _is_late(where: str) -> bool:
    return where == "/sys" or where.startswith(("/dev/", "/sys/"))


def _check_target(app: str, where: str) -> None:
    if where in ("/", "/dev", "/proc") or where.startswith("/proc/"):
        raise LaunchError(
            f"app {app}: a volume cannot be mounted at {safe(where, 80)}",
            "choose a path that the pod itself does not provide",
            object=app,
        )


def describe(plan: PodPlan) -> list[str]:
    """The plan in lines, for `--debug` and for tests."""
    kept = "net, " if plan.host_net else ""
    lines = [
        f"pod {plan.uuid}: root {plan.root}, host name {safe(plan.hostname)}",
        f"host namespaces kept: {kept}user, time",
        *(f"make volume {v.path} mode {v.mode:04o} owner {v.uid}:{v.gid}" for v in plan.volumes),
    ]
    for app in plan.apps:
        how = "overlay" if app.overlay else "copy"
        lines.append(f"app {app.name}: {how} of {' over '.join(app.trees)} at {app.root}")
        for bind in app.binds + app.late_binds:
            mode = "ro" if bind.read_only else "rw"
            lines.append(f"  bind {safe(bind.source)} at {safe(bind.where)} {mode}")
        lines.append(f"  mount /dev, /proc, /sys ({app.sys or 'from a volume'})")
        lines += [f"  hide /{base}/{path}" for base, path in app.hidden]
        lines += [f"  read-only /{base}/{path}" for base, path in app.read_only]
        lines += _describe_process(app)
    return lines


def _describe_process(app: AppPlan) -> list[str]:
    limits = app.restrictions
    caps = "all" if limits.capabilities is None else " ".join(limits.capabilities) or "none"
    kind = "no filter"
    if limits.profile is not None:
        kind = f"{'only' if limits.profile.allow else 'all but'} {len(limits.profile.names)} calls"
    return [
        f"  user {safe(app.user)} group {safe(app.group)} + {list(app.supplementary_gids)}",
        f"  capabilities {caps}; no new privileges {limits.no_new_privileges}; seccomp {kind}",
        f"  in {safe(app.directory)} run {' '.join(safe(word, 100) for word in app.exec)}",
    ]
