# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of ranges that this host hands out itself (`host-local`), in turn.

In turn, so that the address of a pod that has just ended is not at once another's. A set of
ranges gives a pod one address; what is looked at is what is in use, never a whole range.
"""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.model.fields import Fields
from podwright.net import ip
from podwright.net.ipam import Assigned, reading
from podwright.net.ipam.ranges import Range, read_range, refuse_overlaps
from podwright.net.values import Address, Dns
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

    from podwright.net.ipam import Ask
    from podwright.net.ipam.reading import Wanted
    from podwright.net.values import Route

KEYS = frozenset(
    ("ranges", "subnet", "rangeStart", "rangeEnd", "gateway", "routes", "dataDir", "resolvConf")
)
MOST_RANGES = 64


@value
class Pool:
    """The configuration: a pod gets one address of each set of ranges."""

    sets: tuple[tuple[Range, ...], ...]
    routes: tuple[Route, ...]
    resolv: str


def check(fields: Fields) -> None:
    """Refuse what cannot be done."""
    read(fields)


def read(fields: Fields) -> Pool:
    """The configuration. Raises UsageError."""
    sets = [_set(path, item) for path, item in fields.items("ranges")]
    if fields.text("subnet"):
        sets.insert(0, (read_range(fields),))
    if not sets:
        raise UsageError(f"{fields.at('ranges')}: is empty", "write subnet, or a set of ranges")
    if sum(map(len, sets)) > MOST_RANGES:
        raise UsageError(f"{fields.at('ranges')}: has more than {MOST_RANGES} ranges")
    refuse_overlaps([one for ranges in sets for one in ranges], fields.at("ranges"))
    routes = reading.routes(fields)
    families = {ranges[0].subnet.family for ranges in sets}
    reading.refuse_unreachable(fields, routes, families, "no range has one")
    resolv = fields.text("resolvConf")
    if resolv and not resolv.startswith("/"):
        raise UsageError(f"{fields.at('resolvConf')}: must be an absolute path")
    fields.text("dataDir")
    return Pool(tuple(sets), routes, resolv)


def _set(path: str, raw: object) -> tuple[Range, ...]:
    if not isinstance(raw, list) or not raw:
        raise UsageError(f"{path}: must be a list of ranges", "write [{...}]", object=path)
    out = []
    for index, item in enumerate(raw):
        fields = Fields(item, f"{path}[{index}]")
        out.append(read_range(fields))
        fields.finish()
    if len({one.subnet.family for one in out}) > 1:
        raise UsageError(f"{path}: has ranges of both families", "make it two sets", object=path)
    return tuple(out)


def assign(ask: Ask) -> Assigned:
    """One address of every set of ranges."""
    pool = read(Fields(ask.conf, "ipam"))
    wanted = list(reading.requested(ask))
    never = _never(one for ranges in pool.sets for one in ranges)
    addresses, last, subnets = [], [], []
    for index, ranges in enumerate(pool.sets):
        if ask.optional6 and ranges[0].subnet.family == 6:
            continue
        chosen, found = _requested(ask, ranges, wanted, never) or _next(
            ask, ranges, ask.last.get(f"{index}", ""), never
        )
        addresses.append(Address(found, chosen.subnet.prefix, chosen.gateway))
        last.append((f"{index}", found))
        if chosen.gateway:
            subnets += [one.subnet.shown() for one in ranges if one.subnet != chosen.subnet]
    if wanted:
        raise UsageError(
            f"{wanted[0].where}: {wanted[0].text()} is in no range that still gives an address",
            f"ranges are {_shown(one for ranges in pool.sets for one in ranges)}",
        )
    families = {ip.family(one.ip) for one in addresses}
    routes = tuple(one for one in pool.routes if ip.family(one.dst) in families)
    return Assigned(tuple(addresses), routes, _dns(pool), tuple(last), tuple(subnets))


def _never(ranges: Iterable[Range]) -> set[str]:
    """Addresses of no pod, whichever range they are in."""
    out: set[str] = set()
    for one in ranges:
        out.update(ip.text(number, one.subnet.family) for number in one.reserved)
        out.add(one.gateway)
    return out


def _shown(ranges: Iterable[Range]) -> str:
    return ", ".join(
        " to ".join(ip.text(number, one.subnet.family) for number in _ends(one)) for one in ranges
    )


def _ends(one: Range) -> tuple[int, int]:
    """The first and the last address that a pod can have."""
    first, last = one.first, one.last
    while first in one.reserved:
        first += 1
    while last in one.reserved:
        last -= 1
    return first, last


def _requested(
    ask: Ask, ranges: tuple[Range, ...], wanted: list[Wanted], never: set[str]
) -> Optional[tuple[Range, str]]:
    """The address asked for that is of this set, taken off `wanted`."""
    for one in wanted:
        for found in ranges:
            if not found.has(one.ip):
                continue
            if one.ip in never or one.prefix not in (-1, found.subnet.prefix):
                raise UsageError(
                    f"{one.where}: {one.text()} is not an address for pods of"
                    f" {found.subnet.shown()}",
                    "gateways, the network's own address and its broadcast are nobody's, and the"
                    " prefix is the subnet's",
                    object=one.ip,
                )
            reading.refuse_used(ask, one.ip)
            wanted.remove(one)
            return found, one.ip
    return None


def _next(ask: Ask, ranges: tuple[Range, ...], last: str, never: set[str]) -> tuple[Range, str]:
    """The next free address after `last`, round all ranges of the set once."""
    for one, first, end in _spans(ranges, last):
        for number in range(first, end + 1):
            found = ip.text(number, one.subnet.family)
            if found not in ask.used and found not in never:
                return one, found
    holders = {ask.used[ip] for ip in ask.used if any(one.has(ip) for one in ranges)}
    pods = "1 pod" if len(holders) == 1 else f"{len(holders)} pods"
    subnets = ", ".join(one.subnet.shown() for one in ranges)
    size = sum(one.size for one in ranges)
    all_ = "the only address" if size == 1 else f"all {size} addresses"
    raise NetworkError(
        f"network {ask.net}: {all_} of {subnets} {'is' if size == 1 else 'are'} in use by {pods}",
        "stop a pod first, or make the range larger",
        object=ask.net,
        reason="no-address",
    )


def _spans(ranges: tuple[Range, ...], last: str) -> list[tuple[Range, int, int]]:
    """(range, first, last) in the order of their turn; the first range comes again at the end."""
    start = next((i for i, one in enumerate(ranges) if last and one.has(last)), -1)
    if start < 0:
        return [(one, one.first, one.last) for one in ranges]
    current = ranges[start]
    number = ip.number(last)
    others = [(one, one.first, one.last) for one in (*ranges[start + 1 :], *ranges[:start])]
    return [(current, number + 1, current.last), *others, (current, current.first, number)]


def _dns(pool: Pool) -> Dns:
    if not pool.resolv:
        return Dns()
    from podwright.net.ipam import resolvconf

    return resolvconf.read(pool.resolv)
