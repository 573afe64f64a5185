# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add an app to a pod that runs, start, stop and remove it (B12).

One change at a time: each holds a lock of the pod. `appsinfo/<app>` is made first and removed last,
and the manifest names the app only when all of it is there; what a killed `add` has left is known
by that, and taken away by the next change.
"""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.errors import LaunchError, PodwrightError, UsageError
from podwright.host import cgroups, clock, uidranges
from podwright.host.lock import HostLock
from podwright.kernel import fs
from podwright.model.pod import dump_pod
from podwright.net import hostsfile
from podwright.stage0 import addition, appnames, changes, etcfiles, intact, pods, prepare, start
from podwright.stage1.namespaces import (
    added,
    asking,
    record,
)
from podwright.stage2 import changing
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodApp, PodManifest
    from podwright.model.volume import Volume
    from podwright.stage0.changes import Asked
    from podwright.stage0.images import AcceptKey
    from podwright.stage0.pods import Pod
    from podwright.stage0.prepare import Progress

    Tell = Callable[[str], None]

LOCK = "pod.lck"
TOLD = 10.0
"""Seconds that the pod's parent may take to write down what became of an app."""


def add(
    layout: Layout,
    pod: Pod,
    asked: Asked,
    progress: Optional[Progress] = None,
    accept_key: Optional[AcceptKey] = None,
    warn: Optional[Tell] = None,
    tell: Optional[Tell] = None,
) -> str:
    """Add an app that is not started yet; its name. A failure leaves the pod as it was."""
    manifest = checked(pod)
    config = start.read_runtime(pod.path)
    _check_life(asked)
    users = uidranges.of(pod.path)
    spec = changes.spec_of(asked, manifest, config, users is not None)
    (image,) = prepare.resolve_images(layout, spec, progress, accept_key)
    with _lock(pod, "app add"):
        manifest = checked(pod)
        planned = prepare.plan_manifest(
            layout, changes.spec_of(asked, manifest, config, users is not None), [image]
        )
        (app,) = planned.manifest.apps
        changes.check_app(app, manifest)
        merged = changes.merged(manifest, app, planned.manifest.volumes)
        intact.check(layout, image)
        if warn is not None:
            for text in planned.warnings:
                warn(text)
        reports = [text for text in planned.reports if text not in config.get("reports", ())]
        _sweep(pod, manifest)
        launch = addition.launch_of(
            layout, pod, merged, config, image, spec.insecure, users is not None
        )
        by_image = config["stage1"] == "image"
        plan = None if by_image else addition.plan_of(pod, launch, users)
        known = False
        try:
            addition.write_info(pod, app, image)
            reports += _measured(layout, pod, app, merged, spec.insecure)
            known = True
            if plan is None:
                _image().add(pod, launch, manifest, merged, users)
            else:
                reports += addition.make(pod, plan, reports)
                _put_manifest(pod, merged)
        except BaseException:
            _undo(pod, manifest)
            if known:
                _unmeasured(layout, pod, app.name, manifest)
            raise
        _say_names(layout, pod, config, merged)
        _register(layout, pod, config, app.name)
        if tell is not None:
            for text in reports:
                tell(text)
    return app.name


def planned(
    layout: Layout, pod: Pod, asked: Asked, manifest: PodManifest
) -> tuple[PodApp, tuple[Volume, ...]]:
    """The app that `add` would put into the pod, and the volumes that it names; fetches its image.

    manifest  the pod's, without an app of that name
    """
    config = start.read_runtime(pod.path)
    _check_life(asked)
    users = uidranges.of(pod.path)
    spec = changes.spec_of(asked, manifest, config, users is not None)
    (image,) = prepare.resolve_images(layout, spec)
    found = prepare.plan_manifest(layout, spec, [image]).manifest
    (app,) = found.apps
    changes.check_app(app, manifest)
    return app, found.volumes


def begin(_layout: Layout, pod: Pod, app: str) -> None:
    """Start an app; its program is executed when this returns."""
    with _lock(pod, "app start"):
        _named(pod, app)
        if _by_image(pod):
            _image().begin(pod, app)
            return
        try:
            started, *_ = asking.ask(pod.path, pod.uuid, changing.START, app)
        except LaunchError as err:
            if err.message.endswith("it runs already"):
                err.hint = f"stop it first: podwright app stop --app={app} {pod.shown}"
            raise
        _wait_told(pod, app, float(started))


def end(_layout: Layout, pod: Pod, app: str) -> None:
    """Stop an app and wait until it has ended."""
    _named(pod, app)
    if _by_image(pod):
        with _lock(pod, "app stop"):
            _image().end(pod, app)
        return
    started, *_ = asking.ask(pod.path, pod.uuid, changing.STOP, app)
    if started:
        _wait_told(pod, app, float(started), over=True)


def _wait_told(pod: Pod, app: str, started: float, *, over: bool = False) -> None:
    """Wait a while until whoever asks is told of it, too: the pod's parent writes it down."""
    known = clock.rfc3339(started) if started else ""
    deadline = time.monotonic() + TOLD
    while time.monotonic() < deadline:
        found = (pod.read_json("apps") or {}).get(app) or {}
        if (found.get("started") or "") >= known and (found.get("over") or not over):
            return
        time.sleep(0.01)


def remove(layout: Layout, pod: Pod, app: str) -> None:
    """Remove an app that does not run, with all that it has written outside its volumes."""
    with _lock(pod, "app rm"):
        manifest = _named(pod, app)
        config = start.read_runtime(pod.path)
        rest, gone = changes.without(manifest, app, config)
        if _by_image(pod):
            _image().remove(pod, app)
        else:
            _take_away(pod, app, rest)
        for volume in gone:
            fs.remove_tree(f"{pod.path}/sharedVolumes/{volume.name}")
        _clear(pod, app, last=False)
        _put_manifest(pod, rest)
        fs.remove_tree(f"{pod.path}/appsinfo/{app}")
        _unmeasured(layout, pod, app, rest)
        _say_names(layout, pod, config, rest)
        _register(layout, pod, config)


def _take_away(pod: Pod, app: str, rest: PodManifest) -> None:
    """An app that has ended, with its root; `rest` is the manifest without it."""
    try:
        asking.ask(pod.path, pod.uuid, changing.REMOVE, app)
    except LaunchError as err:
        raise LaunchError(
            err.message,
            f"stop it first: podwright app stop --app={app} {pod.shown}",
            object=app,
        ) from None
    kept = frozenset(volume.name for volume in rest.volumes)
    added.take_away(pod.path, pod.uuid, f"opt/stage2/{app}/rootfs", kept)


def _measured(
    layout: Layout, pod: Pod, app: PodApp, manifest: PodManifest, insecure: frozenset[str]
) -> list[str]:
    """Measure an app that is coming, on a host that measures; raises HostError where that must be and fails."""
    if not any(os.path.lexists(f"{base}/tpm.d") for base in layout.config_dirs()):
        return []
    from podwright.tpm import pods as measured

    return list(measured.app_added(layout, pod.uuid, app, manifest, insecure))


def _unmeasured(layout: Layout, pod: Pod, app: str, manifest: PodManifest) -> None:
    """Measure that an app has gone, if it was measured as there; the host remembers what fails."""
    if os.path.lexists(f"{layout.run}/tpm/open/{pod.uuid}"):
        from podwright.tpm import pods as measured

        measured.app_removed(layout, pod.uuid, app, manifest)


# Pods of stage1 images


def _by_image(pod: Pod) -> bool:
    return bool(start.read_runtime(pod.path)["stage1"] == "image")


def _image() -> Any:
    from podwright.stage0 import changeimage

    return changeimage


# What may be changed


def _lock(pod: Pod, doing: str) -> HostLock:
    return HostLock(f"{pod.path}/{LOCK}", doing)


def checked(pod: Pod) -> PodManifest:
    """The manifest of a pod that runs and whose apps come and go."""
    if pods.is_locked(pod.path) and pod.directory == pods.RUN:
        manifest = start.read_manifest(pod.path)
        if changes.is_mutable(manifest):
            return manifest
        raise UsageError(
            f"pod {pod.shown} was not started by app sandbox: its apps cannot be changed",
            "run the app in a pod of its own: podwright run",
            object=pod.uuid,
        )
    raise LaunchError(
        f"pod {pod.shown} is {pod.state}, not running",
        "podwright list shows the pods that run",
        object=pod.uuid,
    )


def _named(pod: Pod, app: str) -> PodManifest:
    manifest = checked(pod)
    names = [one.name for one in manifest.apps]
    if app not in names:
        raise appnames.unknown(pod.shown, app, names)
    return manifest


def _check_life(asked: Asked) -> None:
    life = asked.app.life
    if life.depends_on:
        raise UsageError(
            "an app of such a pod cannot depend on another one", "start them one by one: app start"
        )
    if life.probes() or life.notify or life.watchdog:
        raise UsageError(
            "probes, notify and watchdog are for the apps that a pod is started with",
            "say --ready-tcp or --ready-exec, or run the app in a pod of its own: podwright run",
        )


# What everybody is told


def _put_manifest(pod: Pod, manifest: PodManifest) -> None:
    data = jsonio.dumps(dump_pod(manifest)).encode()
    fs.write_atomic(f"{pod.path}/pod", data, 0o640)


def _say_names(layout: Layout, pod: Pod, config: dict[str, Any], manifest: PodManifest) -> None:
    """Have the pod, and the others on its networks, know its apps by name."""
    apps = tuple(one.name for one in manifest.apps)
    others = hostsfile.own_names(pod.uuid, config["name"], apps)
    hostname = config["hostname"] or config["name"] or f"rkt-{pod.uuid}"
    said = start.names_of(config)
    if config["net"] in ("none", "host"):
        etcfiles.say_apps(pod.path, hostname, others, False, said)
        return
    from podwright.net import ledger, names

    with ledger.lock(layout.net, "app"):
        holding = ledger.read(layout.net, pod.uuid)
        if holding is not None:
            ledger.rewrite(layout.net, replace(holding, apps=apps))
        etcfiles.say_apps(pod.path, hostname, others, True, said)
        names.refresh(ledger.read_all(layout.net).holdings)


def _register(layout: Layout, pod: Pod, config: dict[str, Any], app: str = "") -> None:
    """Tell the metadata service, where the pod is registered."""
    if config.get("metadata"):
        from podwright.metadata import client

        client.update(layout.metadata_socket, pod.uuid, pod.path, app)


# What is left of one


def _undo(pod: Pod, manifest: PodManifest) -> None:
    """Take away what a failed `add` has made; what cannot be is left to the next change."""
    try:
        _sweep(pod, manifest)
    except (PodwrightError, OSError):
        return


def _sweep(pod: Pod, manifest: PodManifest) -> None:
    """Take away apps that the manifest does not name."""
    named = {app.name for app in manifest.apps}
    used = frozenset(volume.name for volume in manifest.volumes)
    for app in sorted(set(os.listdir(f"{pod.path}/appsinfo")) - named):
        if _by_image(pod):
            _image().take_away(pod, app)
            fs.remove_tree(f"{pod.path}/appsinfo/{app}")
            continue
        asking.ask(pod.path, pod.uuid, changing.REMOVE, app)
        added.take_away(pod.path, pod.uuid, f"opt/stage2/{app}/rootfs", used)
        _clear(pod, app, last=True)
    shared = f"{pod.path}/sharedVolumes"
    for volume in sorted(set(os.listdir(shared)) - used) if os.path.isdir(shared) else ():
        fs.remove_tree(f"{shared}/{volume}")


def _clear(pod: Pod, app: str, *, last: bool) -> None:
    """Remove an app's files and control groups."""
    known = record.read(pod.path)
    cgroups.remove([f"{path}/{app}" for path in (known.cgroups if known is not None else ())])
    for path in (f"stage1/rootfs/opt/stage2/{app}", f"overlay/{app}"):
        fs.remove_tree(f"{pod.path}/{path}")
    fs.unlink(f"{pod.path}/stage1/rootfs/rkt/env/{app}")
    if last:
        fs.remove_tree(f"{pod.path}/appsinfo/{app}")
