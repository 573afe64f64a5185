# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What networks of other types than ptp take back at a pod's end. Nothing here imports pyroute2."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.kernel.nft import Nft
    from podwright.net.values import Attachment, Holding


def wanted(attached: Attachment) -> bool:
    """Whether there is more to take back than a link and elements of the firewall."""
    return bool(attached.state) and "end" in dict(attached.state)


def give_back(
    net_dir: str, attached: Attachment, left: list[Holding], nft: Nft, netns: str
) -> None:
    """Take it back; what is gone already is fine. The caller holds the lock.

    netns  path of the pod's network namespace, or "" when it is gone
    """
    from podwright.net import limits

    limits.remove(nft, attached, left)
    if attached.bridge:
        from podwright.net import bridges

        bridges.leave(net_dir, attached.bridge, left)
    if attached.kind == "host-device":
        from podwright.net import devices

        devices.give_back(attached, netns)


def sweep(net_dir: str, alive: Iterable[Holding]) -> None:
    """Take back what no holding speaks of any more. The caller holds the lock."""
    if os.path.exists(f"{net_dir}/bridges"):
        from podwright.net import bridges

        bridges.sweep(net_dir, alive)
