# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pod gets users of its own on this host: what `model/privateusers.py` decides about it."""

from __future__ import annotations

import os
import stat

from podwright.host import uidranges
from podwright.model import privateusers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.model.pod import PodManifest
    from podwright.model.privateusers import Decision
    from podwright.model.volume import Volume


def decide(manifest: PodManifest, asked: str, stage1: str, net: str) -> Decision:
    """Decide for a pod that is about to be prepared or started here. Raises UsageError."""
    volumes = manifest.volumes
    nodes = [each.name for each in volumes if each.kind == "host" and _is_device(each.source)]
    devices = privateusers.devices(volumes, nodes)
    shared = [each.name for each in volumes if each.propagation == "shared"]
    return privateusers.decide(asked, stage1, net, devices, uidranges.missing(), shared)


def mode(decision: Decision, asked: str) -> str:
    """`Launch.private_users`."""
    return (asked or "true") if decision.on else ""


def nodes(volumes: Iterable[Volume]) -> dict[str, str]:
    """Volume -> `block` or `character`, for those that are device nodes of this host."""
    found = {}
    for each in volumes:
        mode = _mode(each.source) if each.source else 0
        if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
            found[each.name] = "block" if stat.S_ISBLK(mode) else "character"
    return found


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0  # what is not there is refused elsewhere


def _is_device(path: str) -> bool:
    found = _mode(path)
    return stat.S_ISCHR(found) or stat.S_ISBLK(found)
