# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An appc image manifest as a container image's configuration: A7 the other way round.

What a configuration has no words for is named, so that nobody believes it went along.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.image import App, ImageManifest

ARCHITECTURES: dict[str, tuple[str, str]] = {
    "amd64": ("amd64", ""),
    "i386": ("386", ""),
    "aarch64": ("arm64", "v8"),
    "aarch64_be": ("arm64_be", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "ppc64le": ("ppc64le", ""),
}
"""appc architecture: Go's word and variant."""
MAX_RANGE = 256
"""Ports of one range, each of which is an entry of its own."""
TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"


def configuration(manifest: ImageManifest, diff_ids: list[str]) -> dict[str, Any]:
    """The configuration; `diff_ids` of the layers, lowest first. Raises UsageError."""
    arch, variant = platform(manifest)
    annotations = dict(manifest.annotations)
    out: dict[str, Any] = {
        "architecture": arch,
        "os": manifest.label("os") or "linux",
        "config": _config(manifest),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    for key, text in (
        ("variant", variant),
        ("created", annotations.get("created", "")),
        ("author", annotations.get("authors", "")),
    ):
        if text:
            out[key] = text
    return out


def platform(manifest: ImageManifest) -> tuple[str, str]:
    """(architecture, variant) in Go's words."""
    arch = manifest.label("arch")
    if arch not in ARCHITECTURES:
        raise UsageError(
            f"image {manifest.name}: label arch is {arch!r}, which container images have no word for",
            f"known: {', '.join(ARCHITECTURES)}",
            object=manifest.name,
        )
    return ARCHITECTURES[arch]


def lost(manifest: ImageManifest) -> list[str]:
    """What does not go along, in words."""
    app = manifest.app
    found: list[str] = []
    if app is None:
        return found
    if app.isolators_json:
        found.append("isolators")
    if app.handlers:
        found.append("event handlers")
    if app.supplementary_gids:
        found.append("supplementary groups")
    if any(point.read_only for point in app.mount_points):
        found.append("read-only mount points")
    if any(port.socket_activated for port in app.ports):
        found.append("socket activation")
    if any(port.count > MAX_RANGE for port in app.ports):
        found.append(f"ports beyond {MAX_RANGE} of a range")
    return found


def _config(manifest: ImageManifest) -> dict[str, Any]:
    app = manifest.app
    labels = {TITLE: manifest.name, VERSION: manifest.label("version")}
    out: dict[str, Any] = {"Labels": {key: text for key, text in labels.items() if text}}
    if app is None:
        return out
    if "/" in app.user + app.group or ":" in app.user + app.group:
        raise UsageError(
            f"image {manifest.name}: user {safe(app.user, 60)!r} and group {safe(app.group, 60)!r}"
            " are more than a container image can say",
            "use names or numbers",
            object=manifest.name,
        )
    out["User"] = f"{app.user}:{app.group}"
    out["WorkingDir"] = app.working_directory
    if app.exec:
        out["Entrypoint"] = list(app.exec)
    if app.environment:
        out["Env"] = [f"{name}={text}" for name, text in app.environment]
    if app.ports:
        out["ExposedPorts"] = {port: {} for port in _ports(app)}
    if app.mount_points:
        out["Volumes"] = {point.path: {} for point in app.mount_points}
    user_labels = manifest.raw.get("app", {}).get("userLabels")
    if isinstance(user_labels, dict):
        out["Labels"] = {**out["Labels"], **user_labels}
    return out


def _ports(app: App) -> list[str]:
    return [
        f"{number}/{port.protocol}"
        for port in app.ports
        for number in range(port.port, port.port + min(port.count, MAX_RANGE))
    ]
