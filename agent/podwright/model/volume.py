# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a pod and where apps mount them (behaviour.md B2): values, reading and writing."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import absolute
from podwright.model.isolator_values import quantity
from podwright.model.names import ac_name, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

HOST, EMPTY, TMPFS, DEVICE = "host", "empty", "tmpfs", "device"
KINDS = (HOST, EMPTY, TMPFS, DEVICE)
PROPAGATIONS = ("private", "slave", "shared")
RELABELS = ("none", "shared", "private")
PERMISSIONS = ("r", "w", "rw")
DEFAULT_MODES = {EMPTY: 0o755, TMPFS: 0o1777}

_MADE = ("mode", "uid", "gid", "size", "copyUp")
_FIELDS = {
    HOST: ("source", "recursive", "propagation", "idmap", "relabel", "noexec", "followLinks"),
    EMPTY: (*_MADE, "noexec"),
    TMPFS: ("mode", "uid", "gid", "size", "noexec"),
    DEVICE: ("source", "permissions"),
}
"""What can be said of each kind, besides name, kind and readOnly."""


@value
class Mount:
    """A volume (by name) at an absolute path in an app's root.

    read_only   None = as the volume and the mount point say
    """

    volume: str
    path: str
    read_only: Optional[bool] = None


@value
class Volume:
    """Storage of a pod.

    kind         `host`: `source` is bound; `empty`: a fresh directory; `tmpfs`: one in memory;
                 `device`: `source` is a device node, which the pod may use
    read_only    None = as the mount point says
    recursive    None = the flavour's default (namespaces: yes)
    mode, uid, gid   of what is made for the pod: empty, tmpfs
    size         most bytes of such a volume, which is then kept in memory; 0 = no limit of ours
    propagation  of mounts made below the source later: private (none), slave (the host's appear
                 in the pod), shared (both ways)
    idmap        owners are those that the pod's user namespace sees; False: bound as it is
    relabel      give the source the pod's SELinux label: none, shared with other pods, private
    noexec       no programs are executed from it
    follow_links   links in the source are followed wherever root keeps them, not only in the
                 system's own directories
    permissions  of a device: r, w, rw; "" = as read_only says
    copy_up      begins with content, owner and mode of the image's directory
    """

    name: str
    kind: str
    source: str = ""
    read_only: Optional[bool] = None
    recursive: Optional[bool] = None
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    size: int = 0
    propagation: str = "private"
    idmap: bool = True
    relabel: str = "none"
    noexec: bool = False
    follow_links: bool = False
    permissions: str = ""
    copy_up: bool = False


def parse_mount(fields: Fields) -> Mount:
    """Read one mount. Unknown fields are the caller's to refuse."""
    return Mount(
        ac_name(fields.text("volume", ...), fields.at("volume")),
        absolute(fields.text("path", ...), fields.at("path")),
        fields.optional_boolean("readOnly"),
    )


def dump_mount(mount: Mount) -> dict[str, Any]:
    """The JSON object of a mount."""
    out: dict[str, Any] = {"volume": mount.volume, "path": mount.path}
    if mount.read_only is not None:
        out["readOnly"] = mount.read_only
    return out


def is_read_only(mount: Mount, volume: Optional[Volume], wish: bool) -> bool:
    """Yes when the mount or the volume says so; the mount point's wish when neither says anything."""
    said = (mount.read_only, volume.read_only if volume is not None else None)
    return True in said or (wish and False not in said)


def in_memory(volume: Volume) -> bool:
    """Whether it is a tmpfs."""
    return volume.kind == TMPFS or bool(volume.size)


def parse_volume(fields: Fields) -> Volume:
    """Read one volume; checks kind, source and mode. Unknown fields are refused."""
    name = ac_name(fields.text("name", ...), fields.at("name"))
    kind = fields.choice("kind", KINDS, ...)
    _check_fields(fields, name, kind)
    volume = Volume(
        name,
        kind,
        _source(fields, kind),
        fields.optional_boolean("readOnly"),
        fields.optional_boolean("recursive"),
        parse_mode(fields, DEFAULT_MODES.get(kind, 0o755)),
        fields.integer("uid", 0, 0, 2**32 - 2),
        fields.integer("gid", 0, 0, 2**32 - 2),
        _size(fields),
        fields.choice("propagation", PROPAGATIONS, "private"),
        fields.boolean("idmap", True),
        fields.choice("relabel", RELABELS, "none"),
        fields.boolean("noexec"),
        fields.boolean("followLinks"),
        _permissions(fields),
        fields.boolean("copyUp"),
    )
    fields.finish()
    if volume.size and volume.copy_up:
        raise UsageError(
            f"{fields.at('copyUp')}: is for volumes on disk, not for one with a size",
            "leave one of them out",
            object=name,
        )
    if volume.read_only is not None and volume.permissions:
        raise UsageError(
            f"{fields.at('permissions')}: says the same as readOnly, or something else",
            "give one of them",
            object=name,
        )
    return volume


def _check_fields(fields: Fields, name: str, kind: str) -> None:
    """Refuse what another kind has, naming the kinds that it is for."""
    for what in dict.fromkeys(field for known in _FIELDS.values() for field in known):
        if fields.raw(what) is not None and what not in _FIELDS[kind]:
            kinds = [known for known in KINDS if what in _FIELDS[known]]
            raise UsageError(
                f"{fields.at(what)}: is for {' and '.join(kinds)} volumes, not for {kind}",
                "leave it out, or choose another kind",
                object=name,
            )


def _source(fields: Fields, kind: str) -> str:
    if "source" not in _FIELDS[kind]:
        return ""
    return absolute(fields.text("source", ...), fields.at("source"))


def _permissions(fields: Fields) -> str:
    """One of PERMISSIONS, or "" where nothing is said."""
    return fields.choice("permissions", PERMISSIONS, "") if fields.text("permissions") else ""


def parse_mode(fields: Fields, default: int) -> int:
    """The field `mode`, octal text."""
    text = fields.text("mode") or f"{default:o}"
    if not made_of(text, "01234567") or len(text.removeprefix("0")) > 4:
        raise UsageError(f"{fields.at('mode')}: {safe(text, 20)!r} is not an octal mode")
    return int(text, 8)


def _size(fields: Fields) -> int:
    raw = fields.raw("size")
    if raw is None:
        return 0
    size = quantity(raw, fields.at("size"))
    if size < 4096:
        raise UsageError(
            f"{fields.at('size')}: {safe(raw, 40)} is less than a page of memory",
            "write a quantity such as 64Mi",
        )
    return size


def dump_volume(volume: Volume) -> dict[str, Any]:
    """The JSON object of a volume; what is as by default is left out."""
    out: dict[str, Any] = {"name": volume.name, "kind": volume.kind}
    if volume.kind in (HOST, DEVICE):
        out["source"] = volume.source
    else:
        out.update(mode=f"{volume.mode:04o}", uid=volume.uid, gid=volume.gid)
    if volume.read_only is not None:
        out["readOnly"] = volume.read_only
    if volume.recursive is not None:
        out["recursive"] = volume.recursive
    for field, content, default in (
        ("size", volume.size, 0),
        ("propagation", volume.propagation, "private"),
        ("idmap", volume.idmap, True),
        ("relabel", volume.relabel, "none"),
        ("noexec", volume.noexec, False),
        ("followLinks", volume.follow_links, False),
        ("permissions", volume.permissions, ""),
        ("copyUp", volume.copy_up, False),
    ):
        if content != default:
            out[field] = content
    return out
