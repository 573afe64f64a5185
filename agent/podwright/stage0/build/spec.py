# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to build, as the command line and the module say it: one JSON object with the same fields."""

from __future__ import annotations

import os
import time

from podwright.errors import UsageError
from podwright.model.fields import Fields, wrong
from podwright.model.imageref import parse_ref
from podwright.model.names import DIGITS, made_of
from podwright.stage0.build.compress import KINDS
from podwright.stage0.build.manifest import Edits
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

EPOCH = "SOURCE_DATE_EPOCH"


@value
class Spec:
    """One build.

    source    a directory, or an OCI layout (`oci:PATH[:REF]`, or a directory that is one)
    output    the archive to make
    manifest  what the manifest starts from; None: what the source has
    owner     (uid, gid) of everything in the image, None: as in the tree
    latest    files that are younger get this time (seconds), None: as in the tree
    """

    source: str
    output: str
    edits: Edits = Edits()
    manifest: Optional[dict[str, Any]] = None
    compression: str = "gzip"
    owner: Optional[tuple[int, int]] = None
    latest: Optional[int] = None


def read(raw: Any, path: str = "build") -> Spec:
    """Check a build object. Raises UsageError naming the field."""
    fields = Fields(raw, path)
    manifest = fields.child("manifest")
    reproducible = fields.boolean("reproducible")
    epoch = source_date()
    spec = Spec(
        source=fields.text("source", ...),
        output=fields.text("output", ...),
        edits=_edits(fields, epoch),
        manifest=manifest.obj if manifest else None,
        compression=fields.choice("compression", KINDS, "gzip"),
        owner=_owner(fields),
        latest=(epoch or 0) if reproducible else None,
    )
    fields.finish()
    if not spec.output or spec.output.endswith("/"):
        raise UsageError(f"{fields.at('output')}: is not the path of a file")
    return spec


def source_date() -> Optional[int]:
    """SOURCE_DATE_EPOCH (reproducible-builds.org), or None when it is not set."""
    text = os.environ.get(EPOCH, "")
    if text and (not made_of(text, DIGITS) or len(text) > 11):
        raise UsageError(f"{EPOCH}: {safe(text, 40)!r} is not a number of seconds")
    return int(text) if text else None


def _edits(fields: Fields, epoch: Optional[int]) -> Edits:
    labels = dict(fields.mapping("labels"))
    version = fields.text("version")
    if version:
        if labels.get("version", version) != version:
            raise UsageError(f"{fields.at('version')}: the labels say another version")
        labels["version"] = version
    stamp = "" if epoch is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    return Edits(
        name=fields.text("name"),
        labels=tuple(labels.items()),
        exec=fields.texts("exec"),
        user=fields.text("user"),
        group=fields.text("group"),
        supplementary_gids=fields.integers("supplementary_gids", 0, 2**32 - 2),
        working_dir=fields.text("working_dir"),
        environment=tuple(fields.mapping("environment").items()),
        ports=tuple(_ports(fields)),
        mount_points=tuple(_mount_points(fields)),
        isolators=tuple(_isolators(fields)),
        dependencies=tuple(
            _dependency(where, item) for where, item in fields.items("dependencies")
        ),
        path_whitelist=fields.texts("path_whitelist"),
        annotations=tuple(fields.mapping("annotations").items()),
        created=stamp,
    )


def _owner(fields: Fields) -> Optional[tuple[int, int]]:
    text = fields.text("owner")
    if not text:
        return None
    uid, colon, gid = text.partition(":")
    if not (colon and made_of(uid, DIGITS) and made_of(gid, DIGITS) and len(text) < 22):
        raise UsageError(f"{fields.at('owner')}: {safe(text, 40)!r} is not UID:GID, two numbers")
    return int(uid), int(gid)


def _ports(fields: Fields) -> list[dict[str, Any]]:
    out = []
    for item in fields.objects("ports"):
        port: dict[str, Any] = {
            "name": item.text("name", ...),
            "protocol": item.choice("protocol", ("tcp", "udp", "sctp"), "tcp"),
            "port": item.integer("port", ..., 1, 65535),
        }
        if (count := item.integer("count", 1, 1, 65535)) != 1:
            port["count"] = count
        if item.boolean("socket_activated"):
            port["socketActivated"] = True
        item.finish()
        out.append(port)
    return _unique(fields.at("ports"), out)


def _mount_points(fields: Fields) -> list[dict[str, Any]]:
    out = []
    for item in fields.objects("mount_points"):
        point: dict[str, Any] = {"name": item.text("name", ...), "path": item.text("path", ...)}
        if item.boolean("read_only"):
            point["readOnly"] = True
        item.finish()
        out.append(point)
    return _unique(fields.at("mount_points"), out)


def _isolators(fields: Fields) -> list[dict[str, Any]]:
    out = []
    for item in fields.objects("isolators"):
        isolator = {"name": item.text("name", ...), "value": item.raw("value", ...)}
        if item.boolean("optional"):
            isolator["optional"] = True
        out.append(isolator)
        item.finish()
    return _unique(fields.at("isolators"), out)


def _unique(where: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = [item["name"] for item in items]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: {safe(name, 60)!r} appears twice")
    return items


def _dependency(where: str, item: Any) -> dict[str, Any]:
    """`NAME[:VERSION][,LABEL=VALUE...][@sha512-ID]`, or the object of the manifest."""
    if isinstance(item, dict):
        return item
    if not isinstance(item, str):
        raise wrong(where, "an image name or an object", item)
    text, _, digits = item.partition("@sha512-")
    ref = parse_ref(text, lambda _path: False)
    if ref.kind != "name":
        raise UsageError(
            f"{where}: {safe(item, 160)!r} is not an image name", "write example.com/base:1.0"
        )
    out: dict[str, Any] = {"imageName": ref.name}
    if ref.labels:
        out["labels"] = [{"name": name, "value": text} for name, text in ref.labels]
    if digits:
        out["imageID"] = f"sha512-{digits}"
    return out
