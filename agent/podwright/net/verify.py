# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is everything still there that a running pod's network was made of? Looks, and changes nothing.

Links, addresses and routes are read from the kernel, firewall elements from nftables, and networks that CNI
plugins have made are asked by these (CHECK).
"""

from __future__ import annotations

import os

from podwright.errors import PodwrightError
from podwright.host.clock import boot_id
from podwright.kernel import rtlook, sysctl
from podwright.kernel.nft import Nft
from podwright.kernel.rtnl import entered
from podwright.net import firewall, forwarding, hostend, ledger, sourced
from podwright.net.ip import family
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.values import Attachment, Holding

LINK, TAP, TUN = "eth", "tap", "tun"
"""Beginnings of the names of a pod's links, and of their ends at a machine; the kind of the latter."""


@value
class Seen:
    """What the kernel has in one network namespace.

    addresses  name of a link -> its addresses, as `172.16.28.2/24`
    routes     name of a link -> destinations, as `0.0.0.0/0`
    up         names of links that are up
    masters    name of a link -> name of the link that it is a port of
    taps       names of links that a machine has the other end of
    """

    addresses: dict[str, set[str]]
    routes: dict[str, set[str]]
    up: set[str]
    masters: dict[str, str]
    taps: frozenset[str] = frozenset()


def running(net_dir: str) -> tuple[Holding, ...]:
    """What the pods that run hold."""
    boot = boot_id()
    found = ledger.read_all(net_dir).holdings
    return tuple(one for one in found if ledger.is_alive(net_dir, one, boot))


def problems(holding: Holding, host: Seen) -> list[str]:
    """A sentence for each thing that is missing; [] when all is as it was made.

    host   what the host has: it is asked once for all pods
    """
    out = [*_on_host(holding, host), *firewall.missing(Nft(), (holding,))]
    netns = _namespace(holding)
    if netns < 0:
        return [*out, "its network namespace is gone"]
    try:
        with entered(netns):
            seen = look()
        for attached in holding.attachments:
            out += in_pod(attached, seen)
    finally:
        os.close(netns)
    if any(one.external for one in holding.attachments):
        out += _asked(holding)
    return out


def _on_host(holding: Holding, host: Seen) -> list[str]:
    out = [found for one in holding.attachments for found in hostend.problems(one, host)]
    families = {family(a.ip) for one in holding.attachments if one.zone for a in one.addresses}
    return list(dict.fromkeys(out)) + [
        f"the host does not forward IPv{of} (sysctl {forwarding.KEYS[of].replace('/', '.')})"
        for of in sorted(families)
        if sysctl.read(forwarding.KEYS[of]) == "0"
    ]


def in_pod(attached: Attachment, seen: Seen) -> list[str]:
    """What is missing of one network in the pod's namespace. Pure.

    Where the pod is in a virtual machine, its addresses and routes are in that.
    """
    link = attached.ifname
    if link not in seen.addresses:
        return [f"{link} is gone"]
    out = [] if link in seen.up else [f"{link} is down"]
    if seen.taps:
        return out + _at_machine(link, seen)
    wanted = [f"{one.ip}/{one.prefix}" for one in attached.addresses]
    out += [f"{link} lacks {one}" for one in wanted if one not in seen.addresses[link]]
    routes = [one.dst for one in attached.routes]
    return out + [
        f"{link} lacks the route to {one}" for one in routes if one not in seen.routes[link]
    ]


def _at_machine(link: str, seen: Seen) -> list[str]:
    """Whether the machine's end of a link is there."""
    if not link.startswith(LINK):
        return []  # lo
    tap = TAP + link[len(LINK) :]
    if tap not in seen.taps:
        return [f"{tap}, the machine's end of {link}, is gone"]
    return [] if tap in seen.up else [f"{tap}, the machine's end of {link}, is down"]


def _namespace(holding: Holding) -> int:
    """A descriptor of the pod's network namespace, or -1 when its PID 1 cannot be found."""
    from podwright.stage1.namespaces import record

    init = record.read(holding.pod_dir)
    handle = record.open_init(init) if init is not None else None
    if init is None or handle is None:
        return -1
    try:
        found = os.open(f"/proc/{init.process['pid']}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    finally:
        os.close(handle)
    return found


def look() -> Seen:
    """What the kernel has in the namespace that this thread is in."""
    links = rtlook.links()
    names = {one.index: one.name for one in links}
    had = rtlook.every_address()
    seen = Seen(
        {
            one.name: {f"{here.ip}/{here.prefix}" for here in had.get(one.index, ())}
            for one in links
        },
        {one.name: set() for one in links},
        {one.name for one in links if one.up},
        {one.name: names[one.master] for one in links if one.master in names},
        frozenset(one.name for one in links if one.kind == TUN),
    )
    for index, dst in rtlook.routes(sourced.TABLES):
        if index in names:
            seen.routes[names[index]].add(dst)
    return seen


def _asked(holding: Holding) -> list[str]:
    """What the pod's CNI plugins say."""
    from podwright.net.cni import records

    try:
        records.check(holding.pod_dir)
    except PodwrightError as err:
        return [err.message]
    return []
