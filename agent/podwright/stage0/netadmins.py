# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which apps of a pod with the host's users administer the host's network, though the pod has its own."""

from __future__ import annotations

from podwright.model import netchoice
from podwright.stage1.namespaces import capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.pod import PodManifest


def reports(manifest: PodManifest, net: str, insecure: frozenset[str]) -> list[str]:
    """A sentence about each of them; `insecure` are the checks that are lifted.

    A link of the pod names the namespace of its other end, and who has the capability among the
    users whom that namespace belongs to may list, make and remove links there.
    """
    if not netchoice.has_own_network(net):
        return []
    return [
        f"app {app.name}: has CAP_NET_ADMIN and the host's users: it is root on the host's network"
        for app in manifest.apps
        if "capabilities" in insecure
        or "CAP_NET_ADMIN" in capabilities.granted(app.name, app.app.isolators)
    ]
