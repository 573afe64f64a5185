# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prepared pod to everything that will be done for it, as values.

Pure: nothing of the host is looked at, so that a plan can be printed (`describe`) and tested
without root. What can be refused from the manifest alone is refused here.
"""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.host.cgrouplimits import Limits, limits
from podwright.model.life import FIRST_FAILURE, PLAIN, Life, check, exit_policy, with_ports
from podwright.model.life import dump as dump_life
from podwright.model.life import parse as parse_life
from podwright.model.pod import MUTABLE, PROFILE
from podwright.stage1.contract import EtcFiles, Ready
from podwright.stage1.namespaces import environment, kernelpaths
from podwright.stage1.namespaces.mountplan import (
    Bind,
    Device,
    EmptyVolume,
    SecretPlan,
    binds_of,
    is_late,
    secrets_of,
)
from podwright.stage1.namespaces.restrict import Restrictions, restrictions, sysctls
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.label import PodLabel
    from podwright.model.pod import PodApp
    from podwright.model.volume import Volume
    from podwright.stage1.contract import Launch


HALT = 37
"""SIGRTMIN+3: systemd(1) halts."""
HERE, THERE = "here", "there"
"""`PodPlan.machine`: the half of a pod's roots that a machine's host makes, and the one that its guest makes."""


@value
class AppPlan:
    """One app.

    trees       what its image root is stacked from, on the host, top first
    writable    directory of the pod for what it writes: overlay's upper and work
    root        where its root is mounted, relative to the pod's root
    binds       volumes below the root; `late_binds` those in /dev and /sys, which come after
    hidden, read_only    (proc | sys, path below) pairs
    sys         how /sys is mounted: ro, rw, or "" when a volume sits there
    kept        host namespaces that it keeps, as its pod does; with any of them /dev, /proc and
                /sys are the host's too
    attributes  what its processes are given by security modules (labels.py); none by default
    stop_signal, stop_timeout    how it is asked to end, and seconds from there to SIGKILL
    nosuid      no program of its image is anybody else's by its set-user-ID bit, or has file
                capabilities: its user is also one of the host, who comes by /proc/PID/root
    system      its program is the init of a system: PID 1 in a pid namespace of its own (stage2/system.py)
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
    kept: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
    life: Life = PLAIN
    stop_signal: int = 15
    stop_timeout: float = 10.0
    nosuid: bool = False
    system: bool = False


@value
class UserRange:
    """A pod's user namespace: its ids 0 to `count` - 1 are those from `first` on of the host.

    copies   where nothing can be id-mapped, the image may be copied with other owners
    fds      descriptors that hold the range while they are open
    """

    first: int
    count: int = 65536
    copies: bool = True
    fds: frozenset[int] = frozenset()


@value
class PodPlan:
    """A whole pod.

    root       the pod's own root on the host, `<pod dir>/stage1/rootfs`
    host_net   the host's network namespace is kept
    label      its SELinux label, given at launch; None where SELinux is off
    devices    of the host that its apps may use, see `sources.with_devices`
    secrets    where their contents are, never what is in them
    backoff    seconds before an app's first restart
    limits     of all apps and its init together
    sysctls    of its own namespaces: (key, text, whether it is optional)
    users      its own user namespace, given at launch; None: the host's
    kept       host namespaces that are kept (KINDS); none in namespaces, all in fly
    etc        what its apps are given in /etc
    mutable    its apps come and go while it runs
    journal    directory of a journal of its own, see `host.machinejournal`; "" for none
    machine    in a virtual machine: HERE on the host, THERE in the guest; else ""
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
    label: Optional[PodLabel] = None
    kept: frozenset[str] = frozenset()
    exit_policy: str = FIRST_FAILURE
    devices: tuple[Device, ...] = ()
    secrets: tuple[SecretPlan, ...] = ()
    backoff: float = 1.0
    limits: Limits = Limits(default_pids=None)
    sysctls: tuple[tuple[str, str, bool], ...] = ()
    users: Optional[UserRange] = None
    etc: EtcFiles = EtcFiles()
    mutable: bool = False
    journal: str = ""
    machine: str = ""


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
    policy = exit_policy(manifest.annotations)
    check({app.name: app.life for app in apps}, policy)
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
        secrets=secrets_of(launch),
        exit_policy=policy,
        backoff=launch.backoff,
        limits=limits(manifest.isolators, default_pids=None),
        sysctls=sysctls(manifest, launch.net),
        etc=launch.etc,
        mutable=MUTABLE in manifest.annotations,
    )


def _app(
    launch: Launch, app: PodApp, volumes: dict[str, Volume], empty: dict[str, EmptyVolume]
) -> AppPlan:
    if not app.app.exec:
        raise LaunchError(
            f"app {app.name}: there is nothing to run", "its image names no program: give --exec"
        )
    binds = sorted(binds_of(launch, app, volumes, empty), key=lambda bind: bind.where.count("/"))
    late = tuple(bind for bind in binds if is_late(bind.where))
    handlers = {handler.name: handler.exec for handler in app.app.handlers}
    paths = "paths" not in launch.insecure
    isolators = app.app.isolators
    system = PROFILE in dict(launch.manifest.annotations)
    life = with_ports(parse_life(app.annotations, app.name), app.app.ports, app.name)
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
        environment=environment.environment(app.name, app.app.environment, system),
        user=app.app.user,
        group=app.app.group,
        supplementary_gids=app.app.supplementary_gids,
        directory=app.app.working_directory,
        restrictions=restrictions(launch, app),
        limits=limits(isolators, devices=()),
        life=life,
        stop_signal=_signal(life, system),
        stop_timeout=launch.stop_timeout if life.stop_timeout is None else life.stop_timeout,
        system=system,
    )


def _signal(life: Life, system: bool) -> int:
    if not life.stop_signal:
        return HALT if system else 15
    from podwright.model.signalnames import number

    return number(life.stop_signal)


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
        lines += [f"  {name} {safe(text)}" for name, text in dump_life(app.life)]
    return lines


def _describe_process(app: AppPlan) -> list[str]:
    confined = app.restrictions
    caps = "all" if confined.capabilities is None else " ".join(confined.capabilities) or "none"
    kind = "no filter"
    if confined.profile is not None:
        allow, names = confined.profile.allow, confined.profile.names
        kind = f"{'only' if allow else 'all but'} {len(names)} calls"
    return [
        f"  user {safe(app.user)} group {safe(app.group)} + {list(app.supplementary_gids)}",
        f"  capabilities {caps}; no new privileges {confined.no_new_privileges}; seccomp {kind}",
        f"  in {safe(app.directory)} run {' '.join(safe(word, 100) for word in app.exec)}",
    ]
