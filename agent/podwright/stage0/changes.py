# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app that is to be added to a pod that runs, and the pod's manifest with it and without: pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.pod import MUTABLE
from podwright.model.podspec import AppSpec, PodSpec, check_number
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.pod import PodApp, PodManifest
    from podwright.model.stage1 import GivenStage1
    from podwright.model.volume import Volume


@value
class Asked:
    """What `app add` asks for: an app, volumes of its own, how its image is got."""

    app: AppSpec
    volumes: tuple[Volume, ...] = ()
    pull_policy: str = "new"
    insecure: frozenset[str] = frozenset()


def is_mutable(manifest: PodManifest) -> bool:
    """Whether apps can be added to the pod."""
    return MUTABLE in manifest.annotations


def spec_of(
    asked: Asked, manifest: PodManifest, config: dict[str, Any], own_users: bool
) -> PodSpec:
    """The app as a pod of its own, with the pod's volumes that its mounts name.

    config     the pod's runtime configuration
    own_users  whether the pod has a user namespace of its own
    """
    named = {mount.volume for mount in asked.app.mounts} - {one.name for one in asked.volumes}
    known = tuple(volume for volume in manifest.volumes if volume.name in named)
    return PodSpec(
        name=config["name"],
        apps=(asked.app,),
        stage1=config["stage1"],
        net=config["net"],
        hostname=config["hostname"],
        volumes=(*known, *asked.volumes),
        pull_policy=asked.pull_policy,
        insecure=asked.insecure | frozenset(config["insecure"]),
        overlay=config["overlay"],
        selinux=config.get("selinux", "auto"),
        private_users="true" if own_users else "false",
        stage1_image=_stage1_image(config),
    )


def _stage1_image(config: dict[str, Any]) -> Optional[GivenStage1]:
    if config.get("stage1Image") is None:
        return None
    from podwright.model.stage1 import GivenStage1

    return GivenStage1("hash", config["stage1Image"])


def merged(manifest: PodManifest, app: PodApp, volumes: tuple[Volume, ...]) -> PodManifest:
    """The pod's manifest with another app and its volumes. Raises UsageError for what clashes."""
    names = [one.name for one in manifest.apps]
    if app.name in names:
        raise UsageError(
            f"the pod has an app called {app.name} already",
            "give this one another name: --name=NAME",
            object=app.name,
        )
    check_number(len(names) + 1, "apps of the pod")
    known = {volume.name: volume for volume in manifest.volumes}
    for volume in volumes:
        if known.setdefault(volume.name, volume) != volume:
            raise UsageError(
                f"the pod has another volume called {volume.name} already",
                "give this one another name, or mount that one: --mount=volume=NAME,target=/path",
                object=volume.name,
            )
    return replace(manifest, apps=(*manifest.apps, app), volumes=tuple(known.values()))


def without(
    manifest: PodManifest, app: str, config: dict[str, Any]
) -> tuple[PodManifest, tuple[Volume, ...]]:
    """The manifest without an app, and the volumes that went with it since nobody mounts them.

    config  the pod's runtime configuration: volumes that the pod was started with stay
    """
    apps = tuple(one for one in manifest.apps if one.name != app)
    used = {mount.volume for one in apps for mount in one.mounts}.union(config.get("volumes", ()))
    gone = tuple(volume for volume in manifest.volumes if volume.name not in used)
    kept = tuple(volume for volume in manifest.volumes if volume.name in used)
    return replace(manifest, apps=apps, volumes=kept), gone


def check_app(app: PodApp, manifest: PodManifest) -> None:
    """Refuse what only a pod that is not started yet can be given. Raises UsageError."""
    asked = app.app.isolators
    own = dict(manifest.isolators.sysctls)
    for key, text in asked.sysctls:
        if own.get(key) != text:
            raise UsageError(
                f"app {app.name}: it wants the kernel setting {key}, which the pod was started"
                " without",
                "leave it out, or run the app in a pod of its own: podwright run",
                object=app.name,
            )
    if asked.network_bandwidth is not None:
        raise UsageError(
            f"app {app.name}: it limits the network, which is the pod's and was made before",
            "leave it out, or run the app in a pod of its own: podwright run",
            object=app.name,
        )
