# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a network whose addresses are somebody else's already: what would break is told beforehand.

Two networks of ours in use must not share addresses, nor a bridge. The host's own addresses, its
neighbours' networks and what it has a route to within our subnet must not be handed out either.
The kernel says which route an address takes now: a question for each, asked only for the
first pod of a network.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.kernel import rtlook
from podwright.net import ip
from podwright.net.values import LINK_PREFIX
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.kernel.rtlook import Match
    from podwright.net.values import Address, Attachment, Holding

HINT = "give one of the two another subnet"


def refuse(attachments: Iterable[Attachment], others: Iterable[Holding]) -> None:
    """Raise NetworkError when a network cannot be on this host beside what is there."""
    known = [one for holding in others for one in holding.attachments if not one.external]
    for attached in attachments:
        if attached.external or not attached.host_if:
            continue
        for other in known:
            if other.net != attached.net and other.host_if:
                refuse_shared(attached, other)
        if attached.zone and not any(one.net == attached.net for one in known):
            for address in attached.addresses:
                _refuse_host(attached, address)
        known.append(attached)


def refuse_shared(attached: Attachment, other: Attachment) -> None:
    """Refuse addresses or a bridge of another network that is in use. Pure."""
    if attached.bridge and attached.bridge == other.bridge and attached.zone:
        tags = {dict(one.state).get("vlan", 0) for one in (attached, other)}
        if len(tags) < 2 or 0 in tags:
            raise NetworkError(
                f"network {attached.net}: bridge {attached.bridge} is network {other.net}'s",
                "give one of the two another bridge or, for both, VLANs of their own",
                object=attached.net,
                reason="overlap",
            )
    for one in attached.addresses:
        subnet = ip.subnet(f"{one.ip}/{one.prefix}")
        for there in other.addresses:
            taken = ip.subnet(f"{there.ip}/{there.prefix}")
            if subnet.overlaps(taken) and attached.zone and other.zone:
                raise NetworkError(
                    f"network {attached.net}: {subnet.shown()} overlaps {taken.shown()} of"
                    f" network {other.net}, which is in use",
                    HINT,
                    object=attached.net,
                    reason="overlap",
                )


def _refuse_host(attached: Attachment, address: Address) -> None:
    for one in dict.fromkeys((address.ip, address.gateway)):
        found = rtlook.route_to(one) if one else None
        why = problem(attached, address, found) if found is not None else ""
        if why:
            raise NetworkError(
                f"network {attached.net}: {one} is of this network and {why}",
                HINT,
                object=attached.net,
                reason="overlap",
            )


def problem(attached: Attachment, address: Address, found: Match) -> str:
    """What speaks against an address of the network, by the route it takes now; "" when nothing. Pure."""
    ours = (attached.host_if, attached.bridge, dict(attached.state).get("via"))
    if found.link in ours or found.link.startswith(LINK_PREFIX):
        return ""
    shown = safe(found.link)
    if found.local:
        return "an address of the host itself"
    if found.near:
        return f"of the host's own network on link {shown}"
    if found.prefix >= address.prefix:
        return f"behind another way, for which the host has a route through link {shown}"
    return ""
