# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse a network whose addresses are somebody else's already: what would break is told beforehand.

Two networks of ours in use must not share addresses, nor a bridge. The host's own addresses, its
neighbours' networks and what it has a route to within our subnet must not be handed out either.
The kernel says which route an address takes now: a question for each, asked only for the
first pod of a network, and for the first after its subnet was changed.
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
            elif other.host_if:
                refuse_moved(attached, other)
        own = [one for one in known if one.net == attached.net]
        for address in attached.addresses if attached.zone else ():
            if not any(_is_beside(address, one) for one in own):
                _refuse_host(attached, address)
        known.append(attached)


def refuse_answered(holding: Holding, others: Iterable[Holding]) -> None:
    """Raise NetworkError when an executable has answered with an address that is somebody else's.

    What is sent to the pod, to its ports and to its name would go there. Of the pods of one
    network its own address management knows more than we do: one that ends has given back its
    address before it has let go of all.
    """
    for attached in holding.attachments:
        for address in attached.addresses if attached.external else ():
            holder = _holder(attached, address.ip, others)
            if holder:
                raise NetworkError(
                    f"network {attached.net}: a plugin answered with the address {address.ip},"
                    f" which {holder}",
                    "see the plugin's address management (ipam)",
                    object=attached.net,
                    reason="overlap",
                )


def _holder(attached: Attachment, found: str, others: Iterable[Holding]) -> str:
    """Who has an address already, after "which"; "" for nobody."""
    if not ip.is_unicast(found):
        return "no pod can have"
    for other in others:
        for one in other.attachments:
            same = one.external and one.net == attached.net
            if not same and any(found == there.ip for there in one.addresses):
                return f"{safe(other.holder(), 300)} has"
    match = rtlook.route_to(found)
    return "this host has" if match is not None and match.local else ""


def _is_beside(address: Address, other: Attachment) -> bool:
    """Whether somebody of the network has an address of the same subnet."""
    subnet = ip.subnet(f"{address.ip}/{address.prefix}")
    return any(
        one.prefix == address.prefix and ip.subnet(f"{one.ip}/{one.prefix}") == subnet
        for one in other.addresses
    )


def _place(attached: Attachment) -> tuple[object, ...]:
    """Where the host reaches a pod of the network."""
    return (attached.kind, attached.bridge, dict(attached.state).get("via"))


def refuse_moved(attached: Attachment, other: Attachment) -> None:
    """Refuse the same subnet in another place, as long as pods are in the one of before. Pure."""
    if not (attached.zone and other.zone) or _place(attached) == _place(other):
        return
    shared = _shared(attached, other)
    if shared:
        before = f"bridge {other.bridge}" if other.bridge else f"type {other.kind}"
        raise NetworkError(
            f"network {attached.net}: {shared[0].shown()} is in use by pods that started before its"
            f" configuration was changed ({before})",
            "restart those pods, or give the network another subnet",
            object=attached.net,
            reason="overlap",
        )


def _shared(attached: Attachment, other: Attachment) -> tuple[ip.Subnet, ...]:
    """The first subnet of one that overlaps one of the other, and that; or nothing."""
    for one in attached.addresses:
        subnet = ip.subnet(f"{one.ip}/{one.prefix}")
        for there in other.addresses:
            taken = ip.subnet(f"{there.ip}/{there.prefix}")
            if subnet.overlaps(taken):
                return subnet, taken
    return ()


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
    shared = _shared(attached, other) if attached.zone and other.zone else ()
    if shared:
        raise NetworkError(
            f"network {attached.net}: {shared[0].shown()} overlaps {shared[1].shown()} of"
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
