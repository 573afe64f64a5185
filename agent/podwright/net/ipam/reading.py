# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several types of address management read in the same way. Every error names the key."""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.net import ip
from podwright.net.values import Dns, Route
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Optional

    from podwright.model.fields import Fields
    from podwright.net.ipam import Ask

MOST_ROUTES = 256
MOST_ADDRESSES = 64
SCOPES = (0, 200, 253, 254, 255)
"""Scopes of routes (rtnetlink(7)): universe, site, link, host, nowhere."""
NUMBERS = {"mtu": 65535, "advmss": 65535, "priority": 2**32 - 1, "table": 2**32 - 1}


@value
class Wanted:
    """An address that somebody asks for; `prefix` is -1 where none was said."""

    ip: str
    prefix: int
    where: str

    def text(self) -> str:
        """As it is written."""
        return self.ip if self.prefix < 0 else f"{self.ip}/{self.prefix}"


def plain(text: str, where: str) -> str:
    """The one form of any address."""
    try:
        return ip.canonical(text)
    except ValueError as err:
        raise UsageError(f"{where}: {safe(err, 120)}", object=where) from None


def address(text: str, where: str) -> str:
    """The one form of an address that a pod or a gateway can have."""
    found = plain(text, where)
    if not ip.is_unicast(found):
        raise UsageError(f"{where}: {found} is no address that a host can have", object=where)
    return found


def subnet(text: str, where: str) -> ip.Subnet:
    """A subnet that is written as what it is: without bits beyond its prefix."""
    try:
        found = ip.subnet(text)
        exact = ip.canonical(text.partition("/")[0]) == ip.text(found.first, found.family)
    except ValueError as err:
        raise UsageError(
            f"{where}: {safe(err, 120)}", "write ADDRESS/PREFIX", object=where
        ) from None
    if not exact:
        raise UsageError(
            f"{where}: {safe(text, 60)} has bits beyond its prefix",
            f"write {found.shown()}",
            object=where,
        )
    return found


def wanted(text: str, where: str) -> Wanted:
    """`ADDRESS` or `ADDRESS/PREFIX`."""
    found, slash, _ = text.partition("/")
    exact = address(found, where)
    if not slash:
        return Wanted(exact, -1, where)
    try:
        return Wanted(exact, ip.subnet(text).prefix, where)
    except ValueError as err:
        raise UsageError(f"{where}: {safe(err, 120)}", object=where) from None


def arguments(args: Mapping[str, str], key: str) -> tuple[str, ...]:
    """The texts of an argument of `--net`, where `+` stands between several."""
    return tuple(args[key].replace(",", "+").split("+")) if key in args else ()


def requested(ask: Ask) -> tuple[Wanted, ...]:
    """The addresses asked for: with the pod, else by `args.cni.ips` or `runtimeConfig.ips`."""
    found = [wanted(text, "argument IP") for text in arguments(ask.args, "IP")]
    if not found and ask.plugin is not None:
        from podwright.model.fields import Fields

        for path in (("runtimeConfig",), ("args", "cni")):
            fields = _below(Fields(ask.plugin, ""), path)
            if fields is not None and not found:
                found = [wanted(text, fields.at("ips")) for text in fields.texts("ips")]
    if len(found) > MOST_ADDRESSES:
        raise UsageError(f"{found[0].where}: has more than {MOST_ADDRESSES} addresses")
    for index, one in enumerate(found):
        if one.ip in (other.ip for other in found[:index]):
            raise UsageError(f"{one.where}: {one.ip} is asked for twice")
    return tuple(found)


def _below(fields: Fields, path: Iterable[str]) -> Optional[Fields]:
    found: Optional[Fields] = fields
    for name in path:
        found = found.child(name) if found is not None else None
    return found


def refuse_used(ask: Ask, found: str) -> None:
    """Raise NetworkError for an address that another pod has."""
    holder = ask.used.get(found)
    if holder is not None:
        raise NetworkError(
            f"network {ask.net}: address {found} is already in use by {safe(holder, 300)}",
            "ask for another address, or stop what uses it",
            object=found,
            reason="address-taken",
        )


def routes(fields: Fields) -> tuple[Route, ...]:
    """`routes`: objects of dst and gw, and what CNI 1.1.0 has added."""
    return tuple(_route(one) for one in _bounded(fields, "routes", MOST_ROUTES))


def _bounded(fields: Fields, name: str, most: int) -> list[Fields]:
    found = list(fields.objects(name))
    if len(found) > most:
        raise UsageError(f"{fields.at(name)}: has more than {most} elements")
    return found


def _route(fields: Fields) -> Route:
    dst = subnet(fields.text("dst", ...), fields.at("dst"))
    gateway = fields.text("gw")
    if gateway:
        gateway = address(gateway, fields.at("gw"))
        if ip.family(gateway) != dst.family:
            raise UsageError(
                f"{fields.at('gw')}: {gateway} is not of the family of {dst.shown()}",
                object=fields.at("gw"),
            )
    numbers = {name: fields.integer(name, 0, high=high) for name, high in NUMBERS.items()}
    scope = fields.optional_integer("scope", high=255)
    if scope is not None and scope not in SCOPES:
        raise UsageError(f"{fields.at('scope')}: {scope} is not one of {SCOPES}")
    fields.finish()
    return Route(dst.shown(), gateway, **numbers, scope=-1 if scope is None else scope)


def refuse_unreachable(
    fields: Fields, found: Iterable[Route], families: Iterable[int], what: str
) -> None:
    """Raise UsageError for a route of a family in which there is no address."""
    for index, one in enumerate(found):
        of = ip.family(one.dst)
        if of not in families:
            raise UsageError(
                f"{fields.at('routes')}[{index}].dst: {one.dst} needs an IPv{of} address, and"
                f" {what}",
                object=one.dst,
            )


def dns(fields: Fields) -> Dns:
    """`dns`: nameservers, domain, search, options."""
    found = fields.child("dns")
    if found is None:
        return Dns()
    servers = tuple(
        plain(text, f"{found.at('nameservers')}[{index}]")
        for index, text in enumerate(found.texts("nameservers"))
    )
    domain = found.text("domain")
    out = Dns(servers, found.texts("search"), found.texts("options"), domain)
    found.finish()
    for text in (*out.search, *out.options, domain):
        if not text.isprintable() or (text and text.split() != [text]):
            raise UsageError(f"{found.path}: {safe(text, 80)!r} is not one word")
    return out
