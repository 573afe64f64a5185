# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host ports a pod manifest publishes (behaviour.md D5)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net.values import ANY, PortMap
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.image import Port
    from podwright.model.pod import HostPort, PodManifest

MAX_PORTS = 1024
"""Published ports of one pod; more are a typing error rather than a wish."""


def plan_ports(manifest: PodManifest) -> tuple[PortMap, ...]:
    """Every host port with the pod port it leads to, as many as were asked for, written out.

    Raises UsageError naming the port when it is of no app or of several, when it has fewer than
    are asked for, when a range ends beyond 65535, when ports cannot be published on the host
    address, or when two ports want the same place.
    """
    known: dict[str, list[Port]] = {}
    for app in manifest.apps:
        for port in app.app.ports:
            known.setdefault(port.name, []).append(port)
    out: list[PortMap] = []
    for wanted in manifest.ports:
        for mapped in _range(wanted, wanted.pod_port or _only(known, wanted.name)):
            if len(out) == MAX_PORTS:
                raise UsageError(f"port {wanted.name}: a pod publishes at most {MAX_PORTS} ports")
            out.append(mapped)
    _check_distinct(out)
    return tuple(out)


def _only(known: dict[str, list[Port]], name: str) -> Port:
    found = known.get(name, [])
    if not found:
        names = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"port {safe(name, 60)}: no app of the pod has it", f"there are: {names}", object=name
        )
    if len(found) > 1:
        raise UsageError(
            f"port {safe(name, 60)}: {len(found)} apps of the pod have it",
            "name ports differently in the apps",
            object=name,
        )
    return found[0]


def _range(wanted: HostPort, port: Port) -> list[PortMap]:
    host_ip = host_address(wanted.host_ip, wanted.name)
    if wanted.count > port.count:
        raise UsageError(
            f"port {wanted.name}: the app has {port.count} of them, not {wanted.count}",
            "publish fewer",
            object=wanted.name,
        )
    if wanted.host_port + wanted.count - 1 > 65535:
        raise UsageError(
            f"port {wanted.name}: {wanted.count} ports from {wanted.host_port} end beyond 65535",
            object=wanted.name,
        )
    count = min(wanted.count, MAX_PORTS + 1)
    return [
        PortMap(port.protocol, host_ip, wanted.host_port + i, port.port + i) for i in range(count)
    ]


def host_address(text: str, name: str) -> str:
    """Check a host address; those that mean every one are in `values.ANY`. Raises UsageError."""
    if text in ANY:
        return text
    from podwright.model.specfields import check_ip

    return check_ip(text, f"port {safe(name, 60)}")


def _check_distinct(ports: list[PortMap]) -> None:
    seen: dict[tuple[str, int], list[PortMap]] = {}
    for port in ports:
        others = seen.setdefault((port.proto, port.host_port), [])
        for other in others:
            if port.overlaps(other):
                raise UsageError(f"{port.shown()}: published twice by this pod")
        others.append(port)
