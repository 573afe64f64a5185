# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How people are shown the networks and ports of a pod."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def networks(found: list[dict[str, Any]], *, every: bool) -> str:
    """`default:ip4=172.16.28.2,...`; one address of each network, or `every` one."""
    return ",".join(text for one in found for text in _addresses(one, every))


def _addresses(one: dict[str, Any], every: bool) -> list[str]:
    ips = [text.partition("/")[0] for text in one.get("addresses", ())] or [one["ip"]]
    shown = [f"{one['netName']}:ip{6 if ':' in ip else 4}={ip}" for ip in ips if ip]
    return (shown if every else shown[:1]) or [one["netName"]]


def ports(found: list[dict[str, Any]]) -> list[str]:
    """`tcp 8080 -> 80` for each published port; successive ones of a range in one line."""
    lines: list[tuple[Any, ...]] = []
    for port in (port for one in found for port in one.get("ports", ())):
        here = (port["protocol"], port["hostIP"], port["hostPort"], port["podPort"])
        if lines:
            proto, host, first, pod, count = lines[-1]
            if here == (proto, host, first + count, pod + count):
                lines[-1] = (proto, host, first, pod, count + 1)
                continue
        lines.append((*here, 1))
    return [_port(*line) for line in lines]


def _port(proto: str, host: str, first: int, pod: int, count: int) -> str:
    where = f"[{host}]:" if ":" in host else f"{host}:" if host else ""
    if count == 1:
        return f"{proto} {where}{first} -> {pod}"
    return f"{proto} {where}{first}-{first + count - 1} -> {pod}-{pod + count - 1}"
