# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of apps on which the host's systemd listens, in a pod manifest: they are `socketActivated`."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.image import Port
    from podwright.model.pod import PodApp, PodManifest
    from podwright.model.unitspec import ActivatedPort


def mark(sockets: tuple[ActivatedPort, ...], apps: list[PodApp]) -> list[PodApp]:
    """The apps with these ports marked. Raises UsageError for one that no app declares."""
    for one in sockets:
        found = [port for app in apps for port in app.app.ports if port.name == one.name]
        if not found:
            raise UsageError(
                f"port {one.name} is in `sockets`, but is not a port of any app of the pod",
                "only a port that the image declares has an app that gets the socket",
                object=one.name,
            )
        if any(port.protocol != one.protocol for port in found):
            raise UsageError(
                f"port {one.name} is {found[0].protocol}, but in `sockets` it is {one.protocol}",
                f"write {one.name}/{found[0].protocol}",
                object=one.name,
            )
    names = {one.name for one in sockets}
    return [
        replace(app, app=replace(app.app, ports=tuple(_marked(p, names) for p in app.app.ports)))
        for app in apps
    ]


def _marked(port: Port, names: set[str]) -> Port:
    return replace(port, socket_activated=True) if port.name in names else port


def published(manifest: PodManifest, sockets: tuple[ActivatedPort, ...]) -> PodManifest:
    """The pod without the ports on which systemd listens: nothing of ours takes those."""
    names = {one.name for one in sockets}
    return replace(manifest, ports=tuple(port for port in manifest.ports if port.name not in names))
