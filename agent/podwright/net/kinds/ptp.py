# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point to point: a veth pair per pod, no bridge.

The host's end carries the gateway's addresses and a route to each address of the pod, so that pods
share no link, and what one of them says about ARP or neighbours reaches only its own host end.
"""

from __future__ import annotations

from podwright.net import ip
from podwright.net.plan import (
    AddAddress,
    AddRoute,
    Carrier,
    Setting,
    Step,
    Up,
    Veth,
    in_pod_addresses,
    in_pod_routes,
)
from podwright.net.values import Attachment, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.ipam import Assigned
    from podwright.net.kinds import Want
    from podwright.net.values import Dns

KEYS = frozenset(("ipMasq", "mtu", "podwright.io/reach"))


def said_of_names(want: Want) -> Dns:
    """What the network says about names; the built-in ones say nothing."""
    if not want.plugin.get("dns"):
        return want.assigned.dns
    from podwright.net.kinds import options

    return options.dns(want)


def attach(want: Want) -> Attachment:
    """The attachment; its zone is the network. Raises UsageError."""
    return Attachment(
        net=want.conf.name,
        kind="ptp",
        ifname=want.ifname,
        conf=want.conf,
        args=want.args,
        host_if=want.host_if,
        mac=_checked(want) if want.conf.source or want.args else "",
        addresses=want.assigned.addresses,
        routes=(*want.assigned.routes, *_to_neighbours(want.assigned)),
        dns=said_of_names(want),
        masquerade=bool(want.plugin.get("ipMasq", False)),
        zone=want.conf.name,
        reach=want.plugin.get("podwright.io/reach", "all"),
        state=(("mtu", want.plugin.get("mtu", 0)),),
    )


def _to_neighbours(assigned: Assigned) -> list[Route]:
    """Routes to the other pods of the network, who are behind the gateway and on no link of ours."""
    known = {route.dst for route in assigned.routes if not route.table and not route.priority}
    found = [ip.subnet(f"{one.ip}/{one.prefix}") for one in assigned.addresses if one.gateway]
    found += [ip.subnet(one) for one in assigned.subnets]
    wide = dict.fromkeys(one.shown() for one in found if one.prefix < ip.BITS[one.family])
    return [Route(dst) for dst in wide if dst not in known]


def _checked(want: Want) -> str:
    """The MAC address that an operator's configuration asks for, which has to be sound."""
    from podwright.net.kinds import options

    fields = options.read(want.conf.name, want.plugin)
    options.mtu(fields)
    fields.boolean("ipMasq")
    fields.choice("podwright.io/reach", ("all", "host"), "all")
    return options.wanted_mac(want)


def steps(attached: Attachment) -> tuple[Step, ...]:
    """Both ends, their addresses and routes; up on the host only when the firewall knows it."""
    link, inside = attached.host_if, attached.ifname
    families = {ip.family(one.ip) for one in attached.addresses}
    out: list[Step] = [Veth(link, inside, dict(attached.state).get("mtu", 0), attached.mac)]
    out += guarded(link, families)
    routed = [one for one in attached.addresses if one.gateway]
    for one in routed:
        out.append(AddAddress(False, link, one.gateway, ip.BITS[ip.family(one.ip)]))
    out.append(Up(False, link))
    for one in attached.addresses:
        out.append(AddRoute(False, link, f"{one.ip}/{ip.BITS[ip.family(one.ip)]}"))
    out += in_pod_addresses(attached)
    out.append(Up(True, inside))
    for one in routed:
        out.append(AddRoute(True, inside, f"{one.gateway}/{ip.BITS[ip.family(one.ip)]}"))
    out += in_pod_routes(attached)
    out.append(Carrier(link))
    return tuple(out)


def guarded(link: str, families: set[int]) -> tuple[Step, ...]:
    """Settings of a host's end: what a pod sends to it changes nothing of the host's configuration."""
    six = f"net/ipv6/conf/{link}"
    out: tuple[Step, ...] = (
        # Lets 127.0.0.1:PORT of the host lead to the pod; what pods themselves send to 127/8
        # is dropped by the firewall first.
        Setting(f"net/ipv4/conf/{link}/route_localnet", "1"),
        Setting(f"{six}/accept_ra", "0", optional=True),
    )
    if 6 in families:
        return (*out, Setting(f"{six}/accept_dad", "0", optional=True))
    return (*out, Setting(f"{six}/disable_ipv6", "1", optional=True))
