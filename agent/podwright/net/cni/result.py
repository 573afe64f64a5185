# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of CNI plugins of every version, read into our values and written from them. Pure.

Two shapes: `ip4` and `ip6` (0.1.0, 0.2.0), and `interfaces`, `ips` and `routes` (0.3.0 and later).
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError
from podwright.net import ip
from podwright.net.cni.protocol import at_least
from podwright.net.values import VERSIONS, Address, Dns, Route
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 256
"""Addresses, routes, links or name servers in one result."""
_NUMBERS = ("mtu", "advmss", "priority", "table", "scope")


@value
class Link:
    """A link of `interfaces`; `inside`: in the pod."""

    name: str
    mac: str = ""
    inside: bool = False


@value
class Result:
    """What a plugin says a pod has now."""

    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()


def read(stdout: bytes, version: str, netns: str) -> dict[str, Any]:
    """The result as an object of `version`, checked. Raises UsageError for anything else.

    A plugin that leaves the version out means the one that it was called with.
    """
    if not stdout.strip():
        raise UsageError("it printed no result")
    raw = jsonio.loads(stdout, "its result")
    if not isinstance(raw, dict):
        raise UsageError("its result is not an object")
    said = raw.get("cniVersion") or version
    if said not in VERSIONS:
        raise UsageError(f"its result has the unknown cniVersion {safe(said, 40)!r}")
    parsed = parse(raw)
    older = "ip4" in raw or "ip6" in raw
    if said == version and not (older and at_least(version, "0.3.0")):
        return {**raw, "cniVersion": version}
    return write(parsed, version, netns)


def parse(raw: dict[str, Any]) -> Result:
    """A result of either shape. Raises UsageError."""
    try:
        old = "ip4" in raw or "ip6" in raw
        dns = _dns(raw.get("dns") or {})
        return _parse_old(raw, dns) if old else _parse_new(raw, dns)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as err:
        raise UsageError(f"its result is wrong: {type(err).__name__}: {safe(err, 200)}") from None


def _parse_old(raw: dict[str, Any], dns: Dns) -> Result:
    addresses = []
    routes: list[Route] = []
    for key in ("ip4", "ip6"):
        found = raw.get(key)
        if found:
            addresses.append(_address(found["ip"], found.get("gateway")))
            routes += [_route(one) for one in _few(found.get("routes"))]
    return Result((), tuple(addresses), tuple(routes), dns)


def _parse_new(raw: dict[str, Any], dns: Dns) -> Result:
    links = tuple(map(_link, _few(raw.get("interfaces"))))
    addresses = [
        _address(one["address"], one.get("gateway"))
        for one in _few(raw.get("ips"))
        if _is_inside(one.get("interface"), links)
    ]
    routes = tuple(map(_route, _few(raw.get("routes"))))
    return Result(links, tuple(addresses), routes, dns)


def _is_inside(index: Any, links: tuple[Link, ...]) -> bool:
    """Whether an address belongs to a link in the pod, or to no link in particular."""
    if index is None:
        return True
    if type(index) is not int or not 0 <= index < len(links):
        raise ValueError(f"there is no interface {index}")
    return links[index].inside


def _few(found: Any) -> list[Any]:
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MOST:
        raise ValueError(f"not a list of at most {MOST}")
    return found


def _link(raw: dict[str, Any]) -> Link:
    return Link(_text(raw["name"]), _text(raw.get("mac")), bool(raw.get("sandbox")))


def _text(found: Any) -> str:
    """Text without anything that could end a line of a file. None is no text."""
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > 1024 or not found.isprintable():
        raise ValueError(f"{found!r} is not text")
    return found


def _address(cidr: str, gateway: Any) -> Address:
    own, _, prefix = cidr.partition("/")
    ip.subnet(cidr)
    return Address(ip.canonical(own), int(prefix), ip.canonical(gateway) if gateway else "")


def _route(raw: dict[str, Any]) -> Route:
    numbers = {name: raw[name] for name in _NUMBERS if raw.get(name) is not None}
    if any(type(found) is not int or not 0 <= found < 1 << 32 for found in numbers.values()):
        raise ValueError("a route's number is out of range")
    gateway = raw.get("gw")
    return Route(ip.subnet(raw["dst"]).shown(), ip.canonical(gateway) if gateway else "", **numbers)


def _dns(raw: dict[str, Any]) -> Dns:
    def words(key: str) -> tuple[str, ...]:
        found = tuple(_text(one) for one in _few(raw.get(key)))
        if any(not one or " " in one for one in found):
            raise ValueError(f"dns.{key} is not a list of words")
        return found

    servers = tuple(ip.canonical(one) for one in words("nameservers"))
    domain = _text(raw.get("domain"))
    if " " in domain:
        raise ValueError("dns.domain is not a word")
    return Dns(servers, words("search"), words("options"), domain)


def write(found: Result, version: str, netns: str) -> dict[str, Any]:
    """A result of `version` from our values; netns is the `sandbox` of links in the pod."""
    out: dict[str, Any] = {"cniVersion": version}
    dns = _write_dns(found.dns)
    if dns or not at_least(version, "1.0.0"):
        out["dns"] = dns
    if not at_least(version, "0.3.0"):
        return {**out, **_write_old(found)}
    out["interfaces"] = [_write_link(link, netns) for link in found.links]
    inside = next((index for index, link in enumerate(found.links) if link.inside), None)
    out["ips"] = [_write_address(one, version, inside) for one in found.addresses]
    out["routes"] = [_write_route(one, at_least(version, "1.1.0")) for one in found.routes]
    return out


def _write_old(found: Result) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for one in found.addresses:
        of = ip.family(one.ip)
        routes = [
            _write_route(route, False) for route in found.routes if ip.family(route.dst) == of
        ]
        shape: dict[str, Any] = {"ip": f"{one.ip}/{one.prefix}", "routes": routes}
        if one.gateway:
            shape["gateway"] = one.gateway
        out.setdefault(f"ip{of}", shape)
    return out


def _write_link(link: Link, netns: str) -> dict[str, Any]:
    out = {"name": link.name}
    if link.mac:
        out["mac"] = link.mac
    if link.inside:
        out["sandbox"] = netns
    return out


def _write_address(one: Address, version: str, inside: object) -> dict[str, Any]:
    out: dict[str, Any] = {"address": f"{one.ip}/{one.prefix}"}
    if one.gateway:
        out["gateway"] = one.gateway
    if inside is not None:
        out["interface"] = inside
    if not at_least(version, "1.0.0"):
        out["version"] = str(ip.family(one.ip))
    return out


def _write_route(one: Route, all_of_it: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"dst": one.dst}
    if one.gateway:
        out["gw"] = one.gateway
    if all_of_it:
        numbers = {name: getattr(one, name) for name in _NUMBERS}
        out |= {
            name: found
            for name, found in numbers.items()
            if found != (-1 if name == "scope" else 0)
        }
    return out


def _write_dns(dns: Dns) -> dict[str, Any]:
    lists = {"nameservers": dns.nameservers, "search": dns.search, "options": dns.options}
    out: dict[str, Any] = {key: list(texts) for key, texts in lists.items() if texts}
    return {**out, "domain": dns.domain} if dns.domain else out
