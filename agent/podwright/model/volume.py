# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a pod and where apps mount them (behaviour.md B2): values, reading and writing."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import absolute
from podwright.model.names import ac_name, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


@value
class Mount:
    """A volume (by name) at an absolute path in an app's root."""

    volume: str
    path: str


@value
class Volume:
    """Storage of a pod. kind `host`: `source` is bound; `empty`: a fresh directory.

    read_only   None = as the mount point says
    recursive   None = the flavour's default (namespaces: yes)
    mode, uid, gid   of an empty volume
    """

    name: str
    kind: str
    source: str = ""
    read_only: Optional[bool] = None
    recursive: Optional[bool] = None
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


def parse_volume(fields: Fields) -> Volume:
    """Read one volume; checks kind, source and mode. Unknown fields are refused."""
    name = ac_name(fields.text("name", ...), fields.at("name"))
    kind = fields.choice("kind", ("host", "empty"), ...)
    source = fields.text("source")
    if kind == "host":
        absolute(source, fields.at("source"))
    elif source:
        raise UsageError(f"{fields.at('source')}: an empty volume has no source")
    for what in ("mode", "uid", "gid"):
        if kind == "host" and fields.raw(what) is not None:
            raise UsageError(
                f"{fields.at(what)}: is for empty volumes",
                f"change {safe(source, 80)} on the host itself",
                object=name,
            )
    mode_text = fields.text("mode") or "0755"
    if not made_of(mode_text, "01234567") or len(mode_text.removeprefix("0")) > 4:
        raise UsageError(f"{fields.at('mode')}: {safe(mode_text, 20)!r} is not an octal mode")
    volume = Volume(
        name,
        kind,
        source,
        fields.optional_boolean("readOnly"),
        fields.optional_boolean("recursive"),
        int(mode_text, 8),
        fields.integer("uid", 0, 0, 2**32 - 2),
        fields.integer("gid", 0, 0, 2**32 - 2),
    )
    fields.finish()
    return volume


def dump_volume(volume: Volume) -> dict[str, Any]:
    """The JSON object of a volume."""
    out: dict[str, Any] = {"name": volume.name, "kind": volume.kind}
    if volume.kind == "host":
        out["source"] = volume.source
    else:
        out.update(mode=f"{volume.mode:04o}", uid=volume.uid, gid=volume.gid)
    if volume.read_only is not None:
        out["readOnly"] = volume.read_only
    if volume.recursive is not None:
        out["recursive"] = volume.recursive
    return out
