# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Short notations of ports, mounts and volumes, for those who do not want to write mappings."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    boolean,
    text,
    whole,
)


def ports(value: list[Any], path: str) -> list[dict[str, Any]]:
    """Published ports: mappings, or texts `NAME:[HOSTIP:]HOSTPORT[-LAST]`; NAME may be NUMBER[/PROTOCOL]."""
    return [_port(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _port(item: Any, path: str) -> dict[str, Any]:
    if isinstance(item, dict):
        out = dict(item)
    else:
        parts = _port_parts(item) if isinstance(item, str) else []
        if len(parts) not in (2, 3) or not all(parts):
            raise OptionError(
                f"{path}: {item!r} is not a port; write NAME:[HOSTIP:]HOSTPORT[-LAST],"
                " an IPv6 address in brackets"
            )
        first, dash, last = parts[-1].partition("-")
        out = {"name": parts[0], "host_port": first}
        if dash:
            low, high = whole(first, f"{path}.host_port"), whole(last, f"{path}.host_port")
            if high < low:
                raise OptionError(f"{path}: {item!r} ends before it begins")
            out["count"] = high - low + 1
        if len(parts) == 3:
            out["host_ip"] = parts[1]
    if "host_port" in out:
        out["host_port"] = whole(out["host_port"], f"{path}.host_port")
    for name in ("count", "pod_port"):
        if out.get(name) is not None:
            out[name] = whole(out[name], f"{path}.{name}")
    return out


def _port_parts(item: str) -> list[str]:
    """`NAME:[ADDRESS:]PORT` cut at its colons; those between brackets are the address's."""
    name, bracket, rest = item.partition(":[")
    if not bracket:
        return item.split(":")
    address, closed, number = rest.partition("]:")
    return [name, address, number] if closed and ":" in address else []


def mounts(value: list[Any], path: str) -> list[dict[str, Any]]:
    """Mounts: mappings, or texts `VOLUME:PATH`."""
    return [_mount(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _mount(item: Any, path: str) -> dict[str, Any]:
    if isinstance(item, dict):
        return {("readOnly" if name == "read_only" else name): item[name] for name in item}
    volume, colon, target = item.partition(":") if isinstance(item, str) else ("", "", "")
    if not (volume and colon and target):
        raise OptionError(f"{path}: {item!r} is not a mount; write VOLUME:PATH")
    return {"volume": volume, "path": target}


def volumes(value: list[Any], path: str) -> list[dict[str, Any]]:
    """Volumes: mappings, or texts `NAME,kind=host,source=/x[,readOnly=true]`.

    Ansible splits a list given as a string at commas, so a text that starts with `field=`
    continues the volume before it.
    """
    out: list[dict[str, Any]] = []
    for index, item in enumerate(value):
        if isinstance(item, dict):
            out.append(dict(item))
            continue
        if not isinstance(item, str):
            raise OptionError(f"{path}[{index}]: {item!r} is not a volume; {_VOLUME_HINT}")
        for part in item.split(","):
            field, equals, content = part.strip().partition("=")
            if not equals:
                out.append({"name": field})
            elif out:
                out[-1][field] = content
            else:
                raise OptionError(f"{path}[{index}]: {item!r} has no name; {_VOLUME_HINT}")
    return [_volume(item, f"{path}[{index}]") for index, item in enumerate(out)]


_VOLUME_HINT = "write NAME,kind=host,source=/path or NAME,kind=empty"
_VOLUME_FIELDS = {
    "read_only": ("readOnly", boolean),
    "readOnly": ("readOnly", boolean),
    "recursive": ("recursive", boolean),
    "mode": ("mode", text),
    "uid": ("uid", whole),
    "gid": ("gid", whole),
    "size": ("size", text),
    "idmap": ("idmap", boolean),
    "noexec": ("noexec", boolean),
    "follow_links": ("followLinks", boolean),
    "followLinks": ("followLinks", boolean),
    "copy_up": ("copyUp", boolean),
    "copyUp": ("copyUp", boolean),
}


def _volume(item: dict[str, Any], path: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, content in item.items():
        field, convert = _VOLUME_FIELDS.get(name, (name, None))
        if name == "mode" and not isinstance(content, str):
            raise OptionError(
                f"{path}.mode: must be quoted octal text such as '0755', not a number"
            )
        out[field] = content if convert is None else convert(content, f"{path}.{name}")
    return out
