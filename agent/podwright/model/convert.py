# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container image's configuration as an appc image manifest (behaviour.md A7).

Everything an image says is data. It becomes an app with its command, user, environment, ports and
mount points; nothing in it can name a path of the host, a hook or an isolator, and its labels and
annotations stay labels: none becomes an annotation that a stage1 would follow (threats.md T35-T38).
"""

from __future__ import annotations

import re

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.image import ImageManifest, parse_image
from podwright.model.names import is_variable_name
from podwright.model.oci import refused
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.ociconfig import Config

AC_VERSION = "0.8.11"
MAX_NUMBER = 2**31 - 1
MAX_VARIABLE = 128 * 1024 - 1
"""Bytes of NAME=VALUE that execve(2) takes (MAX_ARG_STRLEN)."""
MAX_ENVIRONMENT = 1024 * 1024

_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?\Z")
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z]+))?\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)\Z")
_KERNEL = ("proc", "sys", "dev")
"""First elements of paths at which an image cannot want a volume or its working directory."""


@value
class Origin:
    """Where an image came from.

    registry, repository, tag  "" unless it is from a registry
    reference                  the argument's canonical form
    manifest, config           digests
    """

    reference: str
    manifest: str
    config: str
    registry: str = ""
    repository: str = ""
    tag: str = ""


def convert(
    config: Config, name: str, labels: tuple[tuple[str, str], ...], origin: Origin
) -> ImageManifest:
    """The appc manifest of an image; `labels` are version, os and arch. Raises ImageError."""
    try:
        return parse_image(_manifest(config, name, labels, origin), "manifest")
    except UsageError as err:
        raise refused(
            origin.reference, err.message, err.hint or "build it again", "bad-config"
        ) from None


def _manifest(
    config: Config, name: str, labels: tuple[tuple[str, str], ...], origin: Origin
) -> dict[str, Any]:
    user, group = _user(config.user)
    app = {
        "exec": [*config.entrypoint, *config.command],
        "user": user,
        "group": group,
        "workingDirectory": _directory(config.working_directory),
        "environment": _environment(config.environment),
        "ports": _ports(config.ports),
        "mountPoints": _mount_points(config.volumes),
        "userLabels": dict(config.labels),
    }
    if not app["exec"]:
        del app["exec"]
    return {
        "acKind": "ImageManifest",
        "acVersion": AC_VERSION,
        "name": name,
        "labels": [{"name": key, "value": text} for key, text in labels],
        "app": app,
        "annotations": [
            {"name": key, "value": text} for key, text in _annotations(config, origin) if text
        ],
    }


def _annotations(config: Config, origin: Origin) -> list[tuple[str, str]]:
    prefix = "appc.io/docker"
    return [
        ("created", config.created if _TIME.match(config.created) else ""),
        ("authors", config.author),
        (f"{prefix}/originalname", origin.reference),
        (f"{prefix}/registryurl", origin.registry),
        (f"{prefix}/repository", origin.repository),
        (f"{prefix}/tag", origin.tag),
        (f"{prefix}/imageid", origin.config.partition(":")[2]),
        (f"{prefix}/parentimageid", config.parent),
        (f"{prefix}/entrypoint", _list(config.entrypoint)),
        (f"{prefix}/cmd", _list(config.command)),
        (f"{prefix}/manifesthash", origin.manifest),
        (f"{prefix}/stopsignal", config.stop_signal),
    ]


def _list(texts: tuple[str, ...]) -> str:
    return jsonio.dumps(list(texts)) if texts else ""


def _user(text: str) -> tuple[str, str]:
    """(user, group) of `""`, `u` or `u:g`: names, or numbers written plainly (T36)."""
    if not text:
        return "0", "0"
    user, colon, group = text.partition(":")
    return _who(user, text), _who(group if colon else user, text)


def _who(part: str, whole: str) -> str:
    number = _NUMBER.match(part) and int(part) <= MAX_NUMBER
    if not number and not _NAME.match(part):
        raise UsageError(
            f"user {safe(whole, 80)!r} is not USER or USER:GROUP, "
            f"names or numbers from 0 to {MAX_NUMBER}"
        )
    return part


def _directory(text: str) -> str:
    """A directory of the image's own (T35)."""
    if not text:
        return "/"
    parts = _parts(text, "working directory")
    return "/" + "/".join(parts)


def _parts(text: str, what: str) -> list[str]:
    """The elements of an absolute path that stays in the image's own files."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    why = ""
    if not text.startswith("/"):
        why = "is not absolute"
    elif ".." in parts:
        why = "has an element .."
    elif not text.isprintable() or len(text) > 4095:
        why = "is too long or not printable"
    elif parts and parts[0] in _KERNEL:
        why = f"is below /{parts[0]}, which is the kernel's"
    if why:
        raise UsageError(f"{what} {safe(text, 120)!r} {why}")
    return parts


def _environment(entries: tuple[str, ...]) -> list[dict[str, str]]:
    """Entries without `=` are dropped: they never mean the host's value. The last one counts."""
    out: dict[str, str] = {}
    size = 0
    for entry in entries:
        name, equals, text = entry.partition("=")
        if not equals:
            continue
        length = len(entry.encode("utf-8", "surrogatepass"))
        size += length
        if not is_variable_name(name):
            raise UsageError(f"environment: {safe(name, 60)!r} is not a variable name")
        if length > MAX_VARIABLE or size > MAX_ENVIRONMENT:
            raise UsageError(f"environment: {safe(name, 60)} is too long, or all of it is")
        out[name] = text
    return [{"name": name, "value": text} for name, text in out.items()]


def _ports(entries: tuple[str, ...]) -> list[dict[str, Any]]:
    """`80`, `80/tcp` or a range; of protocols that cannot be forwarded: left out."""
    out = []
    for entry in entries:
        match = _PORT.match(entry)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if match is None or not 0 < first <= last < 65536:
            raise UsageError(f"port {safe(entry, 60)!r} is not PORT[-PORT][/tcp|/udp]")
        protocol = match[3] or "tcp"
        if protocol not in ("tcp", "udp", "sctp"):
            continue
        name = entry.replace("/", "-")
        port = {"name": name, "protocol": protocol, "port": first, "count": last - first + 1}
        out.append(port)
    return out


def _mount_points(paths: tuple[str, ...]) -> list[dict[str, Any]]:
    """`/var/lib/x` becomes mount point `volume-var-lib-x`; `-N` is added when it is taken."""
    out: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for text in paths:
        parts = _parts(text, "volume")
        path = "/" + "/".join(parts)
        if not parts:
            raise UsageError(f"volume {safe(text, 60)!r} would hide the whole image")
        if path in seen:
            continue
        seen.add(path)
        words = re.findall(r"[a-z0-9]+", path.lower())
        base = "-".join(["volume", *words])[:100].rstrip("-")
        name, number = base, 0
        while name in out:
            number += 1
            name = f"{base}-{number}"
        out[name] = {"name": name, "path": path}
    return list(out.values())
