# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DHCP server answers, as the client hands it over: values, or nothing. Pure.

Whoever is on the pod's wire can be the server. An address that no host can have is refused; of
the rest, what is not exactly what it should be is left out.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.net import ip
from podwright.net.values import Address, Dns, Route
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("ip", "mask", "subnet", "router", "dns", "domain", "search", "staticroutes", "serverid")
"""Variables of the client that are looked at."""
MOST_TEXT = 4096
MOST_ROUTES = 64
MOST_SERVERS = 3
MOST_SEARCH = 6
"""As many as resolv.conf(5) has."""
LINK_LOCAL = ip.subnet("169.254.0.0/16")
"""Which nobody gives away (RFC 3927), and where clouds serve keys of the machine."""
BAD = "bad"
"""What the client says for a name that is none."""
LINK = 253
"""Scope of a route without a gateway."""


@value
class Leased:
    """One address, and what goes with it.

    server   the server's address, or "" when it did not say one
    """

    address: Address
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()
    server: str = ""


def parse(said: Mapping[str, str], priority: int = 0) -> Leased:
    """The lease. Raises NetworkError when it has no usable address.

    priority   of the routes, 0 for the kernel's choice
    """
    found = _host(said.get("ip", ""))
    prefix = _prefix(said)
    if not found or not prefix or _is_end(found, prefix) or found in LINK_LOCAL:
        shown = f"{safe(said.get('ip', ''), 40)}/{safe(said.get('mask', ''), 20)}"
        raise NetworkError(
            f"the DHCP server offers {shown}, which is not an address that a pod can have",
            "see who answers on this network",
            reason="bad-lease",
        )
    near = ip.subnet(f"{found}/{prefix}")
    classless = _classless(said.get("staticroutes", ""))
    gateway = next((to for to in _hosts(said.get("router", "")) if to != found), "")
    if classless:  # then the router does not count (RFC 3442)
        gateway = next((to for dst, to in classless if dst == "0.0.0.0/0"), "")
        gateway = "" if gateway == "0.0.0.0" else gateway
    elif gateway:
        classless = [("0.0.0.0/0", gateway)]
    return Leased(
        Address(found, prefix, gateway),
        (*_neighbours(near, priority), *_routes(classless, near, priority)),
        _dns(said),
        _host(said.get("serverid", "")),
    )


def _neighbours(near: ip.Subnet, priority: int) -> tuple[Route, ...]:
    """The route to the others of the subnet."""
    return (Route(near.shown(), priority=priority, scope=LINK),) if near.prefix < 32 else ()


def _routes(wanted: list[tuple[str, str]], near: ip.Subnet, priority: int) -> list[Route]:
    """Routes in the order in which they can be made: a gateway that is not near needs one itself."""
    out, known = [], set()
    for dst, gateway in wanted:
        on_link = gateway == "0.0.0.0"
        if not on_link and gateway not in near and gateway not in known:
            known.add(gateway)
            out.append(Route(f"{gateway}/32", priority=priority, scope=LINK))
        scope = LINK if on_link else -1
        out.append(Route(dst, "" if on_link else gateway, priority=priority, scope=scope))
    return out


def _host(text: str) -> str:
    """An IPv4 address that a host can have, or ""."""
    try:
        found = ip.canonical(text) if ip.family(text) == 4 else ""
    except ValueError:
        return ""
    return found if found and ip.is_unicast(found) else ""


def _hosts(text: str) -> list[str]:
    return [found for found in map(_host, text[:MOST_TEXT].split()) if found]


def _prefix(said: Mapping[str, str]) -> int:
    """Of the mask; 0 when it is none. Without a word about it, of the address alone."""
    text = said.get("mask", "")
    if not text:
        return 32 if not said.get("subnet") else 0
    if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > 32:
        return 0
    mask = said.get("subnet", "")
    return int(text) if not mask or mask == ip.mask(int(text), 4) else 0


def _is_end(found: str, prefix: int) -> bool:
    """Whether it is the subnet's own address or its broadcast."""
    near = ip.subnet(f"{found}/{prefix}")
    return prefix < 31 and ip.number(found) in (near.first, near.last)


def _classless(text: str) -> list[tuple[str, str]]:
    """Pairs of destination and gateway (option 121); a gateway 0.0.0.0 means: on the link."""
    words = text[:MOST_TEXT].split()
    out: list[tuple[str, str]] = []
    for dst, gateway in zip(words[::2], words[1::2]):
        try:
            to = ip.subnet(dst)
        except ValueError:
            continue
        start = ip.text(to.first, to.family)
        half = to.first == 0 and to.prefix < 8
        if (
            to.family == 4
            and (half or ip.is_unicast(start))
            and (gateway == "0.0.0.0" or _host(gateway))
            and to.shown() not in (known for known, _ in out)
        ):
            out.append((to.shown(), gateway))
    return out[:MOST_ROUTES]


def _dns(said: Mapping[str, str]) -> Dns:
    search = [name for name in said.get("search", "")[:MOST_TEXT].split() if is_domain(name)]
    domain = said.get("domain", "")
    return Dns(
        tuple(_hosts(said.get("dns", ""))[:MOST_SERVERS]),
        tuple(search[:MOST_SEARCH]),
        (),
        domain if is_domain(domain) else "",
    )


def is_domain(text: str) -> bool:
    """Whether it can be a domain name, and nothing else to anybody."""
    labels = text.rstrip(".").split(".")
    return (
        0 < len(text) < 254
        and text != BAD
        and all(
            0 < len(label) < 64
            and made_of(label, LETTERS + DIGITS + "-_")
            and label[0] != "-"
            and label[-1] != "-"
            for label in labels
        )
    )
