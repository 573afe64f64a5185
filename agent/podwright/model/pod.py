# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod manifest (behaviour.md B1): what stage1 consumes, and how it is read and written."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators
from podwright.model.fields import Fields
from podwright.model.image import App, Handler, Port, check_kind, pairs, parse_app, parse_port
from podwright.model.isolators import Isolators
from podwright.model.names import ac_identifier, ac_name, is_image_id
from podwright.model.specfields import check_ip
from podwright.model.volume import Mount, Volume, dump_mount, dump_volume, parse_mount, parse_volume
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.secret import Secret

AC_VERSION = "0.8.11"
MUTABLE = ("coreos.com/rkt/stage1/mutable", "true")
"""The annotation of a pod whose apps come and go while it runs."""
PROFILE = "podwright.io/profile"
"""The annotation of a pod that may do more than others, see `model/profile.py`."""


@value
class PodApp:
    """One app of a pod: its image, how to start it, and what is mounted where."""

    name: str
    image_id: str
    image_name: str
    image_labels: tuple[tuple[str, str], ...]
    app: App
    readonly_rootfs: bool = False
    mounts: tuple[Mount, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@value
class HostPort:
    """A port of an app, by name, published on the host.

    host_ip   "" = every address
    pod_port  where it leads, instead of a port that an app declares
    count     how many successive ones, at most as many as the app's port has
    """

    name: str
    host_port: int
    host_ip: str = ""
    pod_port: Optional[Port] = None
    count: int = 1


@value
class PodManifest:
    """A checked pod manifest; `isolators` are those of the pod as a whole."""

    apps: tuple[PodApp, ...]
    volumes: tuple[Volume, ...] = ()
    ports: tuple[HostPort, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    user_annotations: tuple[tuple[str, str], ...] = ()
    user_labels: tuple[tuple[str, str], ...] = ()
    isolators: Isolators = Isolators()
    isolators_json: tuple[Any, ...] = ()
    secrets: tuple[Secret, ...] = ()


def _parse_pod_app(fields: Fields) -> PodApp:
    name = ac_name(fields.text("name", ...), fields.at("name"))
    image = fields.child("image") or Fields({}, fields.at("image"))
    image_id = image.text("id", ...)
    if not is_image_id(image_id):
        raise UsageError(f"{image.at('id')}: {safe(image_id, 80)!r} is not an image ID")
    image_name = image.text("name")
    if image_name:
        ac_identifier(image_name, image.at("name"))
    app = fields.child("app")
    if app is None:
        raise UsageError(f"{fields.at('app')}: is missing")
    mounts = tuple(parse_mount(item) for item in fields.objects("mounts"))
    return PodApp(
        name,
        image_id,
        image_name,
        pairs(image, "labels"),
        parse_app(app),
        fields.boolean("readOnlyRootFS"),
        mounts,
        pairs(fields, "annotations"),
    )


def parse_pod(raw: Any, where: str = "pod manifest") -> PodManifest:
    """Check a pod manifest. Raises UsageError naming the field."""
    fields = Fields(raw, where)
    check_kind(fields, "PodManifest")
    apps = tuple(_parse_pod_app(item) for item in fields.objects("apps"))
    volumes = tuple(parse_volume(item) for item in fields.objects("volumes"))
    ports = tuple(_parse_port(item) for item in fields.objects("ports"))
    raw_isolators = fields.raw("isolators", [])
    for what, names in (("apps", [a.name for a in apps]), ("volumes", [v.name for v in volumes])):
        if len(set(names)) != len(names):
            raise UsageError(f"{fields.at(what)}: names must be unique")
    annotations = pairs(fields, "annotations")
    if not apps and MUTABLE not in annotations:
        raise UsageError(f"{fields.at('apps')}: a pod needs at least one app")
    return PodManifest(
        apps,
        volumes,
        ports,
        annotations,
        tuple(fields.mapping("userAnnotations").items()),
        tuple(fields.mapping("userLabels").items()),
        isolators.parse(raw_isolators, fields.at("isolators"), pod=True),
        tuple(raw_isolators),
        _secrets(fields),
    )


def _secrets(fields: Fields) -> tuple[Secret, ...]:
    """What the manifest names as secrets; it never holds one."""
    if fields.raw("secrets") is None:
        return ()
    from podwright.model.secret import check_all, parse_secret

    found = tuple(parse_secret(item) for item in fields.objects("secrets"))
    check_all(found, fields.at("secrets"))
    return found


def _dump_secrets(secrets: tuple[Secret, ...]) -> dict[str, Any]:
    if not secrets:
        return {}
    from podwright.model.secret import dump_secret

    return {"secrets": [dump_secret(secret) for secret in secrets]}


def _host_ip(fields: Fields) -> str:
    text = fields.text("hostIP")
    return check_ip(text, fields.at("hostIP")) if text else ""


def _parse_port(fields: Fields) -> HostPort:
    """A published port; who says where it leads may also say there how many they are."""
    pod_port = _pod_port(fields)
    return HostPort(
        ac_name(fields.text("name", ...), fields.at("name")),
        fields.integer("hostPort", ..., 1, 65535),
        _host_ip(fields),
        pod_port,
        fields.integer("count", pod_port.count if pod_port else 1, 1, 65535),
    )


def _pod_port(fields: Fields) -> Optional[Port]:
    child = fields.child("podPort")
    return None if child is None else parse_port(child)


def _name_values(items: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "value": text} for name, text in items]


def _dump_handler(handler: Handler) -> dict[str, Any]:
    return {"name": handler.name, "exec": list(handler.exec)}


def dump_app(app: App) -> dict[str, Any]:
    """The JSON object of an `app`."""
    return {
        "exec": list(app.exec),
        "user": app.user,
        "group": app.group,
        "supplementaryGIDs": list(app.supplementary_gids),
        "workingDirectory": app.working_directory,
        "environment": _name_values(app.environment),
        "eventHandlers": [_dump_handler(handler) for handler in app.handlers],
        "mountPoints": [
            {"name": point.name, "path": point.path, "readOnly": point.read_only}
            for point in app.mount_points
        ],
        "ports": [dump_port(port) for port in app.ports],
        "isolators": list(app.isolators_json),
        **({"userAnnotations": dict(app.user_annotations)} if app.user_annotations else {}),
        **({"userLabels": dict(app.user_labels)} if app.user_labels else {}),
    }


def dump_port(port: Port) -> dict[str, Any]:
    """The JSON object of a port."""
    return {
        "name": port.name,
        "protocol": port.protocol,
        "port": port.port,
        "count": port.count,
        "socketActivated": port.socket_activated,
    }


def dump_pod(pod: PodManifest) -> dict[str, Any]:
    """The JSON object of a pod manifest; `parse_pod(dump_pod(p)) == p`."""
    return {
        "acKind": "PodManifest",
        "acVersion": AC_VERSION,
        "apps": [
            {
                "name": app.name,
                "image": {
                    "id": app.image_id,
                    "name": app.image_name,
                    "labels": _name_values(app.image_labels),
                },
                "app": dump_app(app.app),
                "readOnlyRootFS": app.readonly_rootfs,
                "mounts": [dump_mount(mount) for mount in app.mounts],
                "annotations": _name_values(app.annotations),
            }
            for app in pod.apps
        ],
        "volumes": [dump_volume(volume) for volume in pod.volumes],
        "ports": [
            {
                "name": port.name,
                "hostPort": port.host_port,
                "hostIP": port.host_ip,
                **({} if port.count == 1 and port.pod_port is None else {"count": port.count}),
                **({} if port.pod_port is None else {"podPort": dump_port(port.pod_port)}),
            }
            for port in pod.ports
        ],
        "annotations": _name_values(pod.annotations),
        "userAnnotations": dict(pod.user_annotations),
        "userLabels": dict(pod.user_labels),
        "isolators": list(pod.isolators_json),
        **_dump_secrets(pod.secrets),
    }
