# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network of a pod needs of the host's links, addresses and routes, and whether it is there. Pure.

Of links that executables have made nothing is known here; their CHECK has to tell.
"""

from __future__ import annotations

from podwright.net import ip
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.values import Attachment
    from podwright.net.verify import Seen


@value
class Wanted:
    """What is to be there of one link of the host.

    addresses  without the lengths of their prefixes
    routes     destinations
    master     the bridge that it is a port of, or ""
    """

    link: str
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    master: str = ""


def problems(attached: Attachment, seen: Seen) -> list[str]:
    """A sentence for each thing that is missing."""
    out: list[str] = []
    for one in wanted(attached):
        out += _lacking(one, seen)
    return out


def wanted(attached: Attachment) -> tuple[Wanted, ...]:
    """What the steps of a network have made on the host, or found there."""
    if not attached.host_if:
        return ()
    if attached.kind == "ptp":
        gateways = [one.gateway for one in attached.addresses if one.gateway]
        routes = [f"{one.ip}/{ip.BITS[ip.family(one.ip)]}" for one in attached.addresses]
        return (Wanted(attached.host_if, tuple(gateways), tuple(routes)),)
    if attached.kind == "bridge":
        port = Wanted(attached.host_if, master=attached.bridge)
        return (port, Wanted(attached.bridge), *_as_gateway(attached))
    return (Wanted(attached.host_if),)


def _as_gateway(attached: Attachment) -> tuple[Wanted, ...]:
    """The link by which the host itself is on the bridge, when it is the network's gateway."""
    state = dict(attached.state)
    known = [one for one in attached.addresses if one.gateway]
    if not state.get("gateway") or not known:
        return ()
    near = [one for one in known if one.prefix < ip.BITS[ip.family(one.ip)]]
    routes = dict.fromkeys(ip.subnet(f"{one.gateway}/{one.prefix}").shown() for one in near)
    via = str(state.get("via") or attached.bridge)
    return (Wanted(via, tuple(dict.fromkeys(one.gateway for one in known)), tuple(routes)),)


def _lacking(one: Wanted, seen: Seen) -> list[str]:
    link = one.link
    if link not in seen.addresses:
        return [f"link {link} of the host is gone"]
    out = [] if link in seen.up else [f"link {link} of the host is down"]
    if one.master and seen.masters.get(link) != one.master:
        out.append(f"link {link} of the host is no port of bridge {one.master}")
    here = {address.partition("/")[0] for address in seen.addresses[link]}
    out += [f"link {link} of the host lacks {ip_}" for ip_ in one.addresses if ip_ not in here]
    return out + [
        f"link {link} of the host lacks the route to {dst}"
        for dst in one.routes
        if dst not in seen.routes[link]
    ]
