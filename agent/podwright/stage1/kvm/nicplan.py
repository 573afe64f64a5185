# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the links of a pod are like in its machine: read from the pod's network namespace, made again there. Pure.

The host makes a pod's network as ever; what its links have there, those of the machine get (`nic`), in
the frame GO (`frames`), and `guest.nics` puts it on them.
"""

from __future__ import annotations

from podwright.values import value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@value
class NicAddress:
    """An address of a link. `scope` as rtnetlink(7) has it."""

    ip: str
    prefix: int
    scope: int = 0
    peer: str = ""


@value
class NicRoute:
    """A route; without a device it leads nowhere (prohibit).

    dst      `ADDRESS/PREFIX`
    gateway  "" = on the link; of the other family where the kernel has it so
    numbers are those of rtnetlink(7); 0 = not said
    """

    dst: str
    device: str = ""
    gateway: str = ""
    source: str = ""
    table: int = 254
    kind: int = 1
    scope: int = 0
    protocol: int = 4
    metric: int = 0
    mtu: int = 0
    advmss: int = 0
    onlink: bool = False


@value
class NicRule:
    """Which table counts for packets from or to (`ADDRESS/PREFIX`, or "" for all)."""

    priority: int
    table: int
    src: str = ""
    dst: str = ""
    family: int = 4


@value
class NicPlan:
    """A link of the pod.

    name        eth0, ...
    hardware    the MAC address by which the guest finds the device
    mac         the one that it gets
    queue       its length in packets
    promiscuous, all_multicast   as somebody asked for
    ipv6        whether it has that at all
    neighbours  (address, MAC address) that do not run out
    """

    name: str
    hardware: str
    mac: str
    mtu: int
    queue: int = 0
    promiscuous: bool = False
    all_multicast: bool = False
    ipv6: bool = True
    addresses: tuple[NicAddress, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()


@value
class NicPlans:
    """All of a pod. `settings`: kernel settings that its networks ask for, as (net/ipv4/..., text)."""

    nics: tuple[NicPlan, ...] = ()
    routes: tuple[NicRoute, ...] = ()
    rules: tuple[NicRule, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def to_go(plans: NicPlans) -> dict[str, Any]:
    """For the frame GO, as JSON data."""
    found: dict[str, Any] = to_json(plans)
    return found


def from_go(raw: dict[str, Any]) -> NicPlans:
    """What `to_go` wrote. For the guest: the host's word counts there."""
    return NicPlans(
        tuple(map(_nic, raw["nics"])),
        tuple(NicRoute(**one) for one in raw["routes"]),
        tuple(NicRule(**one) for one in raw["rules"]),
        tuple((key, text) for key, text in raw["settings"]),
    )


def _nic(raw: dict[str, Any]) -> NicPlan:
    addresses = tuple(NicAddress(**one) for one in raw["addresses"])
    neighbours = tuple((ip, mac) for ip, mac in raw["neighbours"])
    return NicPlan(**{**raw, "addresses": addresses, "neighbours": neighbours})


def in_order(routes: tuple[NicRoute, ...]) -> list[NicRoute]:
    """Those on links before those that need one of them to reach their gateway."""
    return sorted(routes, key=lambda one: bool(one.gateway))
