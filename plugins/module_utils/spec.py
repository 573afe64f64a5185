# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of what can be asked of a host: pods, images, keys. The agent checks the values."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    boolean,
    mapping,
    text,
    texts,
    whole,
)

FINGERPRINT = re.compile(r"[0-9a-f]{40}\Z")


def ports(value: list[Any], path: str) -> list[dict[str, Any]]:
    """Published ports: mappings, or texts `NAME:[HOSTIP:]HOSTPORT`."""
    return [_port(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _port(item: Any, path: str) -> dict[str, Any]:
    if isinstance(item, dict):
        out = dict(item)
    else:
        parts = item.split(":") if isinstance(item, str) else []
        if len(parts) not in (2, 3) or not all(parts):
            raise OptionError(f"{path}: {item!r} is not a port; write NAME:[HOSTIP:]HOSTPORT")
        out = {"name": parts[0], "host_port": parts[-1]}
        if len(parts) == 3:
            out["host_ip"] = parts[1]
    if "host_port" in out:
        out["host_port"] = whole(out["host_port"], f"{path}.host_port")
    return out


def mounts(value: list[Any], path: str) -> list[dict[str, Any]]:
    """Mounts: mappings, or texts `VOLUME:PATH`."""
    return [_mount(item, f"{path}[{index}]") for index, item in enumerate(value)]


def _mount(item: Any, path: str) -> dict[str, Any]:
    if isinstance(item, dict):
        return dict(item)
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


def fingerprint(value: Any, path: str) -> str:
    """A full fingerprint in lower case without spaces; short key ids are refused."""
    found = re.sub(r"[\s:]", "", text(value, path)).lower()
    if found.startswith("0x"):
        found = found[2:]
    if FINGERPRINT.match(found):
        return found
    if re.match(r"[0-9a-f]{8,39}\Z", found):
        raise OptionError(
            f"{path}: {value!r} is only part of a fingerprint, and such parts can be forged;"
            " write all 40 hexadecimal digits (gpg --show-keys FILE)"
        )
    raise OptionError(f"{path}: {value!r} is not a fingerprint; write its 40 hexadecimal digits")


LOGIN: Table = {
    "username": Option(),
    "password": Option(no_log=True),
    "token": Option(no_log=True),
}
"""What a server is told."""

LOGINS: Table = {
    "registry_auth": Option(
        "list",
        elements="dict",
        no_log=False,
        table={"registry": Option(required=True), **LOGIN},
    ),
}
"""Log-ins by the place that they are for."""

PROCESS: Table = {
    "exec": Option(),
    "args": Option("list", elements="raw", convert=texts),
    "environment": Option("dict", convert=mapping),
    "user": Option(),
    "group": Option(),
    "supplementary_gids": Option("list", elements="int"),
    "working_dir": Option(),
    "mounts": Option("list", elements="raw", convert=mounts),
    "isolators": Option(
        "list",
        elements="dict",
        table={"name": Option(required=True), "value": Option("raw", required=True)},
    ),
    "readonly_rootfs": Option("bool"),
}
"""How an app runs: options of each app, and of a pod with one app."""

READY: Table = {
    "tcp": Option("int"),
    "exec": Option("list", elements="raw", convert=texts),
    "app": Option(),
    "seconds": Option("float"),
    "interval": Option("float"),
    "timeout": Option("float"),
}

POD: Table = {
    "image": Option(),
    **PROCESS,
    "apps": Option(
        "list",
        elements="dict",
        table={"name": Option(), "image": Option(required=True), **PROCESS},
    ),
    "stage1": Option(),
    "net": Option(choices=("default", "none", "host")),
    "hostname": Option(),
    "ports": Option("list", elements="raw", convert=ports),
    "volumes": Option("list", elements="raw", convert=volumes),
    "pull_policy": Option(choices=("new", "update", "never")),
    "insecure_options": Option("list", elements="str"),
    "restart": Option(choices=("no", "on-failure", "always")),
    "enabled": Option("bool"),
    "ready": Option("dict", table=READY),
    "stop_timeout": Option("float"),
    "annotations": Option("dict", convert=mapping),
    "labels": Option("dict", convert=mapping),
    **LOGINS,
}
"""A pod without its name and state."""

POD_STATES = ("started", "stopped", "prepared", "absent", "restarted")

IMAGE: Table = {
    "digest": Option(),
    "signature": Option("path"),
    "credentials": Option("dict", no_log=False, table=LOGIN),
    "insecure_options": Option("list", elements="str"),
}
"""An image without its name and state."""

IMAGE_STATES = ("present", "latest", "absent")

KEY: Table = {
    "prefix": Option(),
    "root": Option("bool"),
    "key": Option(no_log=False),
    "key_file": Option("path", no_log=False, field="-"),
    "key_url": Option(no_log=False, field="url"),
}
"""A trusted key without its fingerprint and state."""

KEY_STATES = ("present", "absent")
