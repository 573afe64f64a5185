# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of an app that is added to a pod that runs: its files, its control groups, its root,
and what its PID 1 is handed.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import LaunchError
from podwright.host import cgroups, clock, latergroups, secrets
from podwright.kernel import fs, rlimits
from podwright.net import hostsfile
from podwright.stage0 import etcfiles
from podwright.stage1.contract import Launch
from podwright.stage1.namespaces import (
    added,
    asking,
    environment,
    filtercache,
    groups,
    inside,
    record,
    views,
    volumes,
)
from podwright.stage1.namespaces.plan import UserRange, compile_pod
from podwright.stage1.namespaces.secretsource import CREDENTIALS
from podwright.stage2 import changing
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodApp, PodManifest
    from podwright.stage0.images import StoredImage
    from podwright.stage0.pods import Pod
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

RLIMITS = "os/linux/rlimits"


def launch_of(
    layout: Layout,
    pod: Pod,
    manifest: PodManifest,
    config: dict[str, Any],
    image: StoredImage,
    insecure: frozenset[str],
    own_users: bool,
) -> Launch:
    """The app as if it were started in a pod of its own, with the names of all (`manifest.apps`)."""
    names = [one.name for one in manifest.apps]
    known = hostsfile.own_names(pod.uuid, config["name"], names)
    manifest = replace(manifest, apps=manifest.apps[-1:], ports=())
    return Launch(
        uuid=pod.uuid,
        name=config["name"],
        pod_dir=pod.path,
        lock_fd=-1,
        manifest=manifest,
        trees={manifest.apps[0].name: image.trees},
        net=config["net"],
        hostname=config["hostname"] or config["name"] or f"rkt-{pod.uuid}",
        insecure=insecure,
        stop_timeout=config["stopTimeout"],
        net_dir=layout.net,
        overlay=config["overlay"],
        selinux=config.get("selinux", "auto"),
        stage1=config["stage1"],
        private_users=(config.get("privateUsers") or "true") if own_users else "",
        etc=replace(etcfiles.kept(pod.path), names=known),
        secrets_dir=secrets.directory(layout, config["name"]) if manifest.secrets else "",
    )


def plan_of(pod: Pod, launch: Launch, users: Optional[tuple[int, int]]) -> PodPlan:
    """What is to be done for the app. Raises LaunchError."""
    plan = _with_credentials(pod, volumes.with_devices(compile_pod(launch)))
    (app,) = plan.apps
    if app.life.notify:  # as its image says; without a socket it does not
        plan = replace(plan, apps=(replace(app, life=replace(app.life, notify=False)),))
    given = pod.read_json("selinux") if pod.read("selinux") else {}
    asked = launch.manifest.apps[0].app.isolators
    if given or asked.selinux or asked.apparmor:
        from podwright.stage1.namespaces import labels

        plan = labels.join(launch, plan, given)
    if users is None:
        return plan
    copies = launch.private_users != "idmapped"
    return replace(plan, users=UserRange(users[0], users[1], copies))


def _with_credentials(pod: Pod, plan: PodPlan) -> PodPlan:
    """Secrets that are credentials of the pod's unit, which nobody passes to us: where the unit has them."""
    if not any(secret.credential for secret in plan.secrets):
        return plan
    base = os.fsdecode(_environment(pod.read("ppid")).get(CREDENTIALS.encode(), b""))
    if not base.startswith("/"):  # whoever opens them says so
        return plan
    return replace(
        plan,
        secrets=tuple(
            replace(secret, source=f"{base}/{secret.credential}", credential="")
            if secret.credential
            else secret
            for secret in plan.secrets
        ),
    )


def _environment(parent: str) -> dict[bytes, bytes]:
    """What the process was started with that started the pod, and that lives as long as that."""
    try:
        with open(f"/proc/{int(parent)}/environ", "rb") as file:
            words = file.read().split(b"\0")
    except (OSError, ValueError):
        return {}
    return dict(word.split(b"=", 1) for word in words if b"=" in word)


def write_info(pod: Pod, app: PodApp, image: StoredImage) -> None:
    """Write down which app is coming; the first thing that is done, and the last that is undone."""
    where = f"{pod.path}/appsinfo/{app.name}"
    fs.mkdir(where, 0o750)
    texts = {
        "manifest": jsonio.dumps(image.manifest.raw),
        "treeStoreID": image.id,
        "created": clock.now(),
    }
    for name, text in texts.items():
        fs.write_new(f"{where}/{name}", text.encode(), 0o640, durable=False)


def make(pod: Pod, plan: PodPlan, reports: list[str]) -> list[str]:
    """Make the app's groups and root and hand it to PID 1; what is not enforced."""
    (app,) = plan.apps
    known = record.read(pod.path)
    limits = groups.limits_of(plan)[app.name]
    group = latergroups.of(
        known.cgroups if known is not None else (), app.name, limits, groups.storage(plan)
    )
    group.make()
    found = list(group.notes)
    data = os.path.dirname(os.path.dirname(os.path.dirname(pod.path)))
    profile = app.restrictions.profile
    filters = (
        {app.name: filtercache.load(app.name, profile, f"{data}/cache/seccomp")} if profile else {}
    )
    raw = added.add(plan, filters)
    raw["rlimits"] = _raise_limits(pod, app, found)
    told = tuple((key, text) for key, text in raw["app"]["environment"])
    path = f"{plan.root}/rkt/env/{app.name}"
    fs.write_atomic(path, environment.encode(told), 0o600, durable=False)
    _hand_over(pod, app, group, raw, [*reports, *found])
    return found


def _raise_limits(pod: Pod, app: AppPlan, reports: list[str]) -> list[tuple[str, int, int]]:
    """Let PID 1 give the app its process limits; those that it gets."""
    asked = app.restrictions.rlimits
    if not asked:
        return []
    pidfd, pid = inside.init_of(pod.path, pod.uuid)
    os.close(pidfd)
    out = []
    for name, soft, hard in asked:
        try:
            rlimits.raise_of(pid, name, hard)
        except OSError:
            text = f"app {app.name}: limit {name.lower()} cannot be raised to {hard}"
            if RLIMITS not in app.restrictions.optional:
                raise LaunchError(
                    f"{text} on this host", "lower it, or leave it out", object=app.name
                ) from None
            reports.append(text)
            continue
        out.append((name, soft, hard))
    return out


def _hand_over(
    pod: Pod, app: AppPlan, group: cgroups.PodCgroup, raw: dict[str, Any], reports: list[str]
) -> None:
    fds: list[int] = []
    try:
        file = os.memfd_create("podwright-app")
        fds.append(file)
        joins = group.app_files(app.name)
        fds += [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in joins]
        raw["joins"] = len(joins)
        raw["shows_group"] = views.shows_group(app, joins)
        raw["group"] = _open_group(joins, fds)
        raw["memory"] = _open_memory(app, group, fds)
        raw["reports"] = reports
        fs.write_all(file, jsonio.dumps(raw).encode("utf-8", "surrogateescape"))
        asking.ask(pod.path, pod.uuid, changing.ADD, fds=tuple(fds))
    finally:
        for fd in fds:
            os.close(fd)


def _open_group(joins: list[str], fds: list[int]) -> Optional[list[str]]:
    """Open what ends the app's processes; names of the files after its directory."""
    from podwright.stage2.leftovers import directory_of

    directory = directory_of(joins)
    if directory is None:
        return None
    fds.append(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    for name, file, flags in (
        ("kill", "cgroup.kill", os.O_WRONLY),
        ("limit", "pids.max", os.O_RDWR),
    ):
        if os.path.exists(f"{directory}/{file}"):
            fds.append(os.open(f"{directory}/{file}", flags | os.O_CLOEXEC))
            return [name]
    return []


def _open_memory(app: AppPlan, group: cgroups.PodCgroup, fds: list[int]) -> str:
    place = group.places.get("memory")
    if place is None or (app.limits.memory is None and place.version == 1):
        return ""
    from podwright.stage2 import memory

    path = f"{group.place_of(place, app.name)}/{memory.FILES[place.version]}"
    fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    return memory.words(app.limits.memory, None) or memory.ELSEWHERE
