# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appc image manifest (behaviour.md A2) as an immutable value."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators
from podwright.model.fields import Fields, wrong
from podwright.model.names import DIGITS, ac_identifier, ac_name, is_variable_name, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


@value
class MountPoint:
    """A place in an image's root that wants a volume of the same name."""

    name: str
    path: str
    read_only: bool = False


@value
class Port:
    """A port that an app listens on; `count` successive ones from `port`."""

    name: str
    protocol: str
    port: int
    count: int = 1
    socket_activated: bool = False


@value
class Handler:
    """A hook: `name` is pre-start or post-stop."""

    name: str
    exec: tuple[str, ...]


@value
class App:
    """How to start what is in an image.

    environment is ordered (name, value) pairs; isolators holds both the checked value and,
    in `isolators_json`, the list as written, for the pod manifest.
    """

    exec: tuple[str, ...]
    user: str
    group: str
    supplementary_gids: tuple[int, ...] = ()
    working_directory: str = "/"
    environment: tuple[tuple[str, str], ...] = ()
    handlers: tuple[Handler, ...] = ()
    mount_points: tuple[MountPoint, ...] = ()
    ports: tuple[Port, ...] = ()
    isolators: isolators.Isolators = isolators.Isolators()
    isolators_json: tuple[Any, ...] = ()
    user_annotations: tuple[tuple[str, str], ...] = ()
    user_labels: tuple[tuple[str, str], ...] = ()


@value
class ImageManifest:
    """A checked image manifest; `raw` is the JSON object it was read from."""

    name: str
    labels: tuple[tuple[str, str], ...]
    app: Optional[App]
    dependencies: tuple[Any, ...]
    path_whitelist: tuple[str, ...]
    annotations: tuple[tuple[str, str], ...]
    raw: dict[str, Any]

    def label(self, name: str) -> str:
        """The value of a label, or ""."""
        return dict(self.labels).get(name, "")


def check_kind(fields: Fields, kind: str) -> None:
    """Refuse another acKind or an incompatible acVersion."""
    found = fields.text("acKind", ...)
    if found != kind:
        raise UsageError(f"{fields.at('acKind')}: is {safe(found, 40)!r}, not {kind}")
    version = fields.text("acVersion", ...)
    numbers = version.replace("-", "+").partition("+")[0].split(".")
    if len(numbers) != 3 or not all(made_of(part, DIGITS) for part in numbers) or numbers[0] != "0":
        raise UsageError(f"{fields.at('acVersion')}: {safe(version, 40)!r} is not a 0.x version")


def pairs(fields: Fields, name: str) -> tuple[tuple[str, str], ...]:
    """A list of {name, value} objects with unique names."""
    out: dict[str, str] = {}
    for item in fields.objects(name):
        key = item.text("name", ...)
        if key in out:
            raise UsageError(f"{item.at('name')}: {safe(key, 60)!r} appears twice")
        out[key] = item.text("value", ...)
    return tuple(out.items())


def absolute(path: str, where: str) -> str:
    """Check an absolute path inside a root, without `..` elements."""
    if not path.startswith("/") or ".." in path.split("/") or len(path) > 4095:
        raise UsageError(f"{where}: {safe(path, 80)!r} is not an absolute path without ..")
    return path


def parse_app(fields: Fields) -> App:
    """Read the `app` object of an image or of a pod's app."""
    environment = pairs(fields, "environment")
    for name, _ in environment:
        if not is_variable_name(name):
            raise UsageError(
                f"{fields.at('environment')}: {safe(name, 60)!r} is not a variable name"
            )
    groups = []
    for path, item in fields.items("supplementaryGIDs"):
        if type(item) is not int or not 0 <= item < 2**32 - 1:
            raise wrong(path, "a group number", item)
        groups.append(item)
    raw_isolators = fields.raw("isolators", [])
    app = App(
        exec=fields.texts("exec"),
        user=fields.text("user", ...),
        group=fields.text("group", ...),
        supplementary_gids=tuple(groups),
        working_directory=absolute(
            fields.text("workingDirectory") or "/", fields.at("workingDirectory")
        ),
        environment=environment,
        handlers=_handlers(fields),
        mount_points=_mount_points(fields),
        ports=_ports(fields),
        isolators=isolators.parse(raw_isolators, fields.at("isolators")),
        isolators_json=tuple(raw_isolators),
        user_annotations=tuple(fields.mapping("userAnnotations").items()),
        user_labels=tuple(fields.mapping("userLabels").items()),
    )
    if not app.user or not app.group:
        raise UsageError(f"{fields.path}: user and group must both be named")
    if app.exec and not app.exec[0]:
        raise UsageError(f"{fields.at('exec')}[0]: is empty")
    return app


def _handlers(fields: Fields) -> tuple[Handler, ...]:
    out: dict[str, Handler] = {}
    for item in fields.objects("eventHandlers"):
        name = item.choice("name", ("pre-start", "post-stop"), ...)
        if name in out:
            raise UsageError(f"{item.path}: a second {name} handler")
        out[name] = Handler(name, item.texts("exec"))
    return tuple(out.values())


def _mount_points(fields: Fields) -> tuple[MountPoint, ...]:
    out: dict[str, MountPoint] = {}
    for item in fields.objects("mountPoints"):
        name = ac_name(item.text("name", ...), item.at("name"))
        if name in out:
            raise UsageError(f"{item.at('name')}: {name!r} appears twice")
        path = absolute(item.text("path", ...), item.at("path"))
        out[name] = MountPoint(name, path, item.boolean("readOnly"))
    return tuple(out.values())


def _ports(fields: Fields) -> tuple[Port, ...]:
    out: dict[str, Port] = {}
    for item in fields.objects("ports"):
        port = parse_port(item)
        if port.name in out:
            raise UsageError(f"{item.at('name')}: {port.name!r} appears twice")
        out[port.name] = port
    return tuple(out.values())


def parse_port(item: Fields) -> Port:
    """Read one port."""
    name = ac_name(item.text("name", ...), item.at("name"))
    first = item.integer("port", ..., 1, 65535)
    count = item.integer("count", 1, 1, 65536 - first)
    protocol = item.choice("protocol", ("tcp", "udp", "sctp"), ...)
    return Port(name, protocol, first, count, item.boolean("socketActivated"))


def parse_image(raw: Any, where: str = "manifest") -> ImageManifest:
    """Check an image manifest. Raises UsageError naming the field."""
    fields = Fields(raw, where)
    check_kind(fields, "ImageManifest")
    name = ac_identifier(fields.text("name", ...), fields.at("name"))
    labels = pairs(fields, "labels")
    for label, _ in labels:
        ac_identifier(label, fields.at("labels"))
        if label == "name":
            raise UsageError(f"{fields.at('labels')}: a label cannot be called name")
    app = fields.child("app")
    return ImageManifest(
        name=name,
        labels=labels,
        app=parse_app(app) if app else None,
        dependencies=tuple(element for _, element in fields.items("dependencies")),
        path_whitelist=fields.texts("pathWhitelist"),
        annotations=pairs(fields, "annotations"),
        raw=raw,
    )
