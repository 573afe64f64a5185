# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of ranges that this host hands out itself (`host-local`), in turn.

In turn, so that the address of a pod that has just ended is not at once another's.
"""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.net import ip
from podwright.net.ipam import Assigned
from podwright.net.values import Address, Route
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.ipam import Ask

KEYS = frozenset(
    ("ranges", "subnet", "rangeStart", "rangeEnd", "gateway", "routes", "dataDir", "resolvConf")
)


@value
class Range:
    """Addresses from `first` to `last`, both as numbers, without the gateway's."""

    subnet: ip.Subnet
    first: int
    last: int
    gateway: str


def assign(ask: Ask) -> Assigned:
    """One address of every set of ranges."""
    addresses = []
    last = []
    for index, raw in enumerate(_sets(ask)):
        ranges = [_range(ask, one) for one in raw]
        if ask.optional6 and ranges[0].subnet.family == 6:
            continue
        chosen, found = _next(ask, ranges, ask.last.get(f"{index}", ""))
        addresses.append(Address(found, chosen.subnet.prefix, chosen.gateway))
        last.append((f"{index}", found))
    families = {ip.family(one.ip) for one in addresses}
    routes = tuple(
        Route(one["dst"], one.get("gw", ""))
        for one in ask.conf.get("routes") or ()
        if ip.family(one["dst"]) in families
    )
    return Assigned(tuple(addresses), routes, last=tuple(last))


def _sets(ask: Ask) -> list[list[dict[str, Any]]]:
    if "ranges" in ask.conf:
        found: list[list[dict[str, Any]]] = ask.conf["ranges"]
        return found
    return [[ask.conf]]


def _range(ask: Ask, raw: dict[str, Any]) -> Range:
    try:
        subnet = ip.subnet(raw["subnet"])
        first = ip.number(raw["rangeStart"]) if "rangeStart" in raw else subnet.first + 1
        top = subnet.last - 1 if subnet.family == 4 else subnet.last
        last = ip.number(raw["rangeEnd"]) if "rangeEnd" in raw else top
        gateway = raw.get("gateway") or ip.text(subnet.first + 1, subnet.family)
    except (KeyError, ValueError, TypeError) as err:
        raise UsageError(f"network {ask.net}: ipam: {safe(err, 120)}", object=ask.net) from None
    return Range(subnet, first, last, gateway)


def _next(ask: Ask, ranges: list[Range], last: str) -> tuple[Range, str]:
    """The next free address after `last`, round all ranges of the set once."""
    places = [(one, number) for one in ranges for number in (one.first,)]
    del places
    start = 0
    for index, one in enumerate(ranges):
        if last and last in one.subnet:
            start = index
            break
    order = ranges[start:] + ranges[:start]
    begin = ip.number(last) + 1 if last and last in order[0].subnet else order[0].first
    spans = [(order[0], begin, order[0].last)]
    spans += [(one, one.first, one.last) for one in order[1:]]
    spans += [(order[0], order[0].first, min(begin - 1, order[0].last))]
    for one, first, end in spans:
        for number in range(max(first, one.first), end + 1):
            found = ip.text(number, one.subnet.family)
            if found not in ask.used and found != one.gateway:
                return one, found
    raise NetworkError(
        f"network {ask.net}: all addresses of {ranges[0].subnet.shown()} are in use",
        "stop a pod first",
        object=ask.net,
        reason="no-address",
    )
