# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One range of `host-local`: which addresses it has, and which of them nobody gets. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net import ip
from podwright.net.ipam import reading
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.fields import Fields


@value
class Range:
    """Addresses from `first` to `last`, both as numbers.

    gateway   "" where the subnet is a single address and none is said
    reserved  numbers within, which nobody gets: the network's, its broadcast, the gateway
    """

    subnet: ip.Subnet
    first: int
    last: int
    gateway: str
    reserved: frozenset[int]

    @property
    def size(self) -> int:
        """How many addresses pods can have of it."""
        return self.last - self.first + 1 - len(self.reserved)

    def has(self, found: str) -> bool:
        """Whether an address is of it."""
        return ip.family(found) == self.subnet.family and (
            self.first <= ip.number(found) <= self.last
        )


def read_range(fields: Fields) -> Range:
    """The range of an object. Raises UsageError."""
    subnet = reading.subnet(fields.text("subnet", ...), fields.at("subnet"))
    gateway = _gateway(fields, subnet)
    ends = _unused_ends(subnet)
    first = _end(fields, "rangeStart", subnet, subnet.first)
    last = _end(fields, "rangeEnd", subnet, subnet.last)
    while first in ends and first < last:
        first += 1
    while last in ends and last > first:
        last -= 1
    never = {*ends, ip.number(gateway)} if gateway and gateway in subnet else ends
    reserved = frozenset(number for number in never if first <= number <= last)
    found = Range(subnet, first, last, gateway, reserved)
    if found.size < 1:
        raise UsageError(
            f"{fields.at('subnet')}: no address is left for pods in {subnet.shown()}",
            "choose a larger subnet or range, or another gateway",
            object=subnet.shown(),
        )
    return found


def _unused_ends(subnet: ip.Subnet) -> set[int]:
    """The network's own address and its broadcast, where there is room for such (RFC 3021, 6164)."""
    if subnet.prefix >= ip.BITS[subnet.family] - 1:
        return set()
    return {subnet.first} if subnet.family == 6 else {subnet.first, subnet.last}


def _gateway(fields: Fields, subnet: ip.Subnet) -> str:
    said = fields.text("gateway")
    if said:
        gateway = reading.address(said, fields.at("gateway"))
        if ip.family(gateway) != subnet.family or ip.number(gateway) in _unused_ends(subnet):
            raise UsageError(
                f"{fields.at('gateway')}: {gateway} cannot be a gateway of {subnet.shown()}",
                object=gateway,
            )
        return gateway
    if subnet.prefix == ip.BITS[subnet.family]:
        return ""
    point_to_point = subnet.prefix == ip.BITS[subnet.family] - 1
    return ip.text(subnet.first + (0 if point_to_point else 1), subnet.family)


def _end(fields: Fields, name: str, subnet: ip.Subnet, default: int) -> int:
    said = fields.text(name)
    if not said:
        return default
    found = reading.plain(said, fields.at(name))
    if found not in subnet:
        raise UsageError(f"{fields.at(name)}: {found} is not in {subnet.shown()}", object=found)
    return ip.number(found)


def refuse_overlaps(ranges: list[Range], where: str) -> None:
    """Raise UsageError where two ranges have an address in common."""
    for index, one in enumerate(ranges):
        for other in ranges[:index]:
            if (
                one.subnet.family == other.subnet.family
                and one.first <= other.last
                and other.first <= one.last
            ):
                shown = f"{other.subnet.shown()} and {one.subnet.shown()}"
                raise UsageError(
                    f"{where}: ranges of {shown} have addresses in common",
                    "give each address to one range",
                    object=one.subnet.shown(),
                )
