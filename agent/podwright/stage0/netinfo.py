# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks a running pod is on, as its stage1 has written it; one of somebody else may write anything."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage0.pods import Pod

NAME = "net-info.json"
TEXTS = ("netName", "ifName", "ip")
PORT = {"protocol": str, "hostIP": str, "hostPort": int, "podPort": int}
IGNORED = (
    f"{NAME}, which the pod's stage1 has written, is not as it has to be: not all of it is shown"
)


def read(pod: Pod) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The networks, and a sentence where something is there that says nothing of any."""
    raw = pod.read_json(NAME)
    if raw is None:
        return [], (IGNORED,) if os.path.lexists(f"{pod.path}/{NAME}") else ()
    found = raw if isinstance(raw, list) else [None]
    good = [{"ip": "", **one} for one in found if isinstance(one, dict) and _is_network(one)]
    return good, (IGNORED,) if len(good) < len(found) else ()


def _is_network(raw: dict[str, Any]) -> bool:
    if "netName" not in raw:
        return False
    texts = [raw[name] for name in TEXTS if name in raw]
    addresses, ports = raw.get("addresses", []), raw.get("ports", [])
    if not isinstance(addresses, list) or not isinstance(ports, list):
        return False
    return all(isinstance(one, str) for one in (*texts, *addresses)) and all(map(_is_port, ports))


def _is_port(raw: Any) -> bool:
    return isinstance(raw, dict) and all(type(raw.get(name)) is kind for name, kind in PORT.items())
