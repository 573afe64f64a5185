# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod manifest given whole (behaviour.md B1): checked, made a spec, completed from its images.

What it says is the operator's word, its isolators too. Whatever can be refused is refused here,
by the field's path, and not when the pod starts. Unknown fields are refused: annotations are
there for what is not ours.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import build, life, netchoice
from podwright.model.names import is_hex
from podwright.model.pod import PodManifest, parse_pod
from podwright.model.podspec import AppSpec, check_number
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.image import ImageManifest
    from podwright.model.podrules import Rule
    from podwright.model.podspec import PodSpec

WHERE = "pod manifest"
OURS = ("podwright.io/stage1", "podwright.io/name")
"""Annotations that say how the pod was made; given ones are replaced."""

_PAIR = {"name": None, "value": None}
_PORT = {"name": None, "protocol": None, "port": None, "count": None, "socketActivated": None}
_APP = {
    "exec": None,
    "user": None,
    "group": None,
    "supplementaryGIDs": None,
    "workingDirectory": None,
    "environment": [_PAIR],
    "eventHandlers": [{"name": None, "exec": None}],
    "mountPoints": [{"name": None, "path": None, "readOnly": None}],
    "ports": [_PORT],
    "isolators": None,
    "userAnnotations": None,
    "userLabels": None,
}
_POD_APP = {
    "name": None,
    "image": {"id": None, "name": None, "labels": [_PAIR]},
    "app": _APP,
    "readOnlyRootFS": None,
    "mounts": [{"volume": None, "path": None, "readOnly": None, "appVolume": None}],
    "annotations": [_PAIR],
}
_POD = {
    "acVersion": None,
    "acKind": None,
    "apps": [_POD_APP],
    "volumes": None,
    "isolators": None,
    "annotations": [_PAIR],
    "ports": [
        {"name": None, "hostPort": None, "hostIP": None, "podPort": _PORT, "count": None},
    ],
    "userAnnotations": None,
    "userLabels": None,
}
_NO_APP = {"exec": ["/"], "user": "0", "group": "0"}


def fill(spec: PodSpec, raw: Any, where: str = WHERE) -> PodSpec:
    """The spec of a pod that is as the manifest says. Raises UsageError naming the bad field."""
    _check_known(raw, _POD, where)
    plain = _plain(raw)
    manifest = parse_pod(_with_apps(plain), where)
    check_number(len(manifest.apps), f"{where}.apps")
    _check_volumes(manifest, where)
    if manifest.ports and not netchoice.can_publish(spec.net):
        raise UsageError(
            f"{where}.ports: cannot be published with net {spec.net}",
            netchoice.no_ports_hint(spec.net),
        )
    allow = _allow(manifest, spec.net, where)
    return replace(
        spec,
        manifest=plain,
        allow=allow,
        apps=tuple(
            AppSpec(
                image=app.image_id,
                name=app.name,
                mounts=app.mounts,
                readonly_rootfs=app.readonly_rootfs,
                life=life.parse(app.annotations, app.name),
            )
            for app in manifest.apps
        ),
        ports=manifest.ports,
        volumes=manifest.volumes,
        annotations=manifest.user_annotations,
        labels=manifest.user_labels,
        pod_isolators=manifest.isolators_json,
        exit_policy=life.exit_policy(manifest.annotations),
        pull_policy="never",
    )


def _allow(manifest: PodManifest, net: str, where: str) -> tuple[Rule, ...]:
    """The rules that its annotation says."""
    from podwright.model import podrules

    rules = podrules.of_annotations(manifest.annotations, where)
    podrules.check_net(rules, net, f"{where}.annotations[{podrules.ANNOTATION}]")
    return rules


def _check_known(raw: Any, shape: Any, path: str) -> None:
    """Refuse fields that no manifest has; of what kind they must be is not looked at."""
    if isinstance(shape, list) and isinstance(raw, list):
        for index, item in enumerate(raw):
            _check_known(item, shape[0], f"{path}[{index}]")
    elif isinstance(shape, dict) and isinstance(raw, dict):
        for name, item in raw.items():
            where = f"{path}.{safe(name, 60)}"
            if name not in shape:
                known = ", ".join(shape)
                raise UsageError(f"{where}: unknown field", f"known here: {known}", object=where)
            _check_known(item, shape[name], where)


def _plain(raw: Any) -> Any:
    """The manifest with whole image IDs cut to the store's length and volumes of one app made
    volumes of the pod, called after the app. What is of the wrong kind is left to the parser.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("apps"), list):
        return raw
    extra: list[Any] = []
    apps = [_plain_app(app, extra) if isinstance(app, dict) else app for app in raw["apps"]]
    volumes = raw.get("volumes") or []
    if extra and isinstance(volumes, list):
        raw = {**raw, "volumes": volumes + extra}
    return {**raw, "apps": apps}


def _plain_app(app: dict[str, Any], extra: list[Any]) -> dict[str, Any]:
    image = app.get("image")
    if isinstance(image, dict) and isinstance(image.get("id"), str):
        app = {**app, "image": {**image, "id": _short(image["id"])}}
    if isinstance(app.get("mounts"), list):
        app = {**app, "mounts": [_plain_mount(app, mount, extra) for mount in app["mounts"]]}
    return app


def _short(image_id: str) -> str:
    whole = image_id.startswith("sha512-") and is_hex(image_id[7:], 128)
    return image_id[:71] if whole else image_id


def _plain_mount(app: dict[str, Any], mount: Any, extra: list[Any]) -> Any:
    if not isinstance(mount, dict) or not isinstance(mount.get("appVolume"), dict):
        return mount
    name = f"{app.get('name')}-{mount.get('volume')}"
    extra.append({**mount["appVolume"], "name": name})
    return {**{key: mount[key] for key in mount if key != "appVolume"}, "volume": name}


def _with_apps(raw: Any) -> Any:
    """The manifest with something in the place of the apps that only the images know."""
    if not isinstance(raw, dict) or not isinstance(raw.get("apps"), list):
        return raw
    apps = [
        {**app, "app": _NO_APP} if isinstance(app, dict) and app.get("app") is None else app
        for app in raw["apps"]
    ]
    return {**raw, "apps": apps}


def _check_volumes(manifest: PodManifest, where: str) -> None:
    known = [volume.name for volume in manifest.volumes]
    for index, app in enumerate(manifest.apps):
        paths: list[list[str]] = []
        for number, mount in enumerate(app.mounts):
            parts = [part for part in mount.path.split("/") if part not in ("", ".")]
            if parts in paths:
                path = f"{where}.apps[{index}].mounts[{number}].path"
                raise UsageError(f"{path}: another mount of app {app.name} is there", object=path)
            paths.append(parts)
            if mount.volume not in known:
                path = f"{where}.apps[{index}].mounts[{number}].volume"
                raise UsageError(
                    f"{path}: {mount.volume} is not a volume of the pod",
                    f"there are: {', '.join(known) or 'none'}",
                    object=path,
                )


def complete(
    spec: PodSpec, images: list[tuple[str, ImageManifest]]
) -> tuple[PodManifest, list[str]]:
    """The manifest with what it leaves to its images, and warnings for people.

    Raises UsageError for an image that is another one than the manifest says or that has no app,
    and for ports and mounts that no app has.
    """
    assert spec.manifest is not None
    raw = spec.manifest
    apps = [
        _complete_app(app, image_id, image, f"{WHERE}.apps[{index}]")
        for index, (app, (image_id, image)) in enumerate(zip(raw["apps"], images))
    ]
    manifest = parse_pod({**raw, "apps": apps}, WHERE)
    warnings: list[str] = []
    volumes = list(manifest.volumes)
    bound = []
    taken: dict[str, tuple[str, str]] = {}
    for asked, app, (_, image) in zip(spec.apps, manifest.apps, images):
        if not app.app.exec:
            raise UsageError(f"app {app.name}: says no command", "give its app an exec")
        mounts, extra = build.bind_mounts(
            spec, asked, app.name, app.app, warnings, build.is_converted(image), taken
        )
        life.with_ports(asked.life, app.app.ports, app.name)  # refuses ports that it does not have
        ended = life.with_stop_signal(app.annotations, image.annotations, f"app {app.name}")
        bound.append(replace(app, mounts=mounts, annotations=ended))
        volumes += extra
    build.check_ports(manifest.ports, bound)
    life.check({app.name: asked.life for app, asked in zip(bound, spec.apps)}, spec.exit_policy)
    own = build.own_annotations(spec)
    ours = {*OURS, *(name for name, _ in own)}
    given = tuple(pair for pair in manifest.annotations if pair[0] not in ours)
    return (
        replace(
            manifest,
            apps=tuple(bound),
            volumes=tuple(volumes),
            annotations=given + own,
            secrets=build.secrets_of(spec, [app.name for app in bound]),
        ),
        warnings,
    )


def _complete_app(
    app: dict[str, Any], image_id: str, image: ImageManifest, where: str
) -> dict[str, Any]:
    said = app["image"]
    if said.get("name") and said["name"] != image.name:
        raise UsageError(
            f"{where}.image.name: {said['name']} is not the image with that ID",
            f"that is {image.name}",
            object=f"{where}.image.name",
        )
    for index, pair in enumerate(said.get("labels") or ()):
        if image.label(pair["name"]) != pair["value"]:
            path = f"{where}.image.labels[{index}]"
            raise UsageError(
                f"{path}: label {safe(pair['name'], 60)} of image {image.name} is"
                f" {safe(image.label(pair['name']), 60) or 'not set'}",
                "leave the labels out, or name the image by another ID",
                object=path,
            )
    command = app["app"] if app.get("app") is not None else image.raw.get("app")
    if command is None:
        raise UsageError(
            f"{where}.app: is missing, and image {image.name} has none either",
            "say in the manifest what to run",
            object=f"{where}.app",
        )
    labels = [{"name": name, "value": text} for name, text in image.labels]
    return {
        **app,
        "image": {"id": image_id, "name": image.name, "labels": labels},
        "app": command,
    }
