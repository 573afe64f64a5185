# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What macvlan and ipvlan have in common: the pod is on a wire of the host's."""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.net import ip
from podwright.net.kinds import options
from podwright.net.ledger import is_link_name
from podwright.net.plan import AddRoute, Setting, Step, Up, in_pod_addresses, in_pod_routes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.fields import Fields
    from podwright.net.kinds import Want
    from podwright.net.values import Attachment


def look(plugin: dict[str, Any], net_dir: str) -> dict[str, Any]:
    """The link of the host's default route, where no master is named, else whether that is there."""
    from podwright.kernel import rtlook

    del net_dir
    master = plugin.get("master")
    if not master:
        return {"default": rtlook.default_link()}
    named = isinstance(master, str) and is_link_name(master)
    return {"missing": named and rtlook.link(master) is None}


def seen_master(want: Want, fields: Fields) -> str:
    """The master that is named, or seen. Raises UsageError when there is neither."""
    found = options.link(fields, "master") or str(dict(want.seen).get("default", ""))
    if not found:
        raise UsageError(
            f"network {want.conf.name}: no master is named, and the host has no default route"
            " whose link it could be",
            'write "master": "LINK" into its configuration',
            object=want.conf.name,
        )
    if dict(want.seen).get("missing"):
        raise NetworkError(
            f"network {want.conf.name}: its master {found} does not exist on this host",
            "see with: ip link",
            object=want.conf.name,
            reason="no-device",
        )
    return found


def refuse_masquerade(fields: Fields, kind: str) -> None:
    """Packets of such a link do not pass the host, which so cannot give them its address."""
    if fields.boolean("ipMasq"):
        raise UsageError(
            f"{fields.at('ipMasq')}: cannot be done, since packets of {kind} do not pass the host",
            "leave it out, or use ptp or bridge",
            object=fields.at("ipMasq"),
        )


def wire_steps(attached: Attachment, families: set[int]) -> tuple[Step, ...]:
    """Addresses of the pod's link, which has neighbours: prefixes are on the link."""
    return (*inside_steps(attached, families), *in_pod_routes(attached))


def inside_steps(attached: Attachment, families: set[int]) -> tuple[Step, ...]:
    """Addresses, up, and the routes to neighbours; nothing waits for duplicates to be found."""
    link = attached.ifname
    out: list[Step] = [Setting(f"net/ipv6/conf/{link}/accept_dad", "0", optional=True, in_pod=True)]
    if 4 in families and 6 not in families:
        off = f"net/ipv6/conf/{link}/disable_ipv6"
        out = [Setting(off, "1", optional=True, in_pod=True)]
    out += in_pod_addresses(attached)
    out.append(Up(True, link))
    for one in attached.addresses:
        if one.prefix < ip.BITS[ip.family(one.ip)]:
            out.append(AddRoute(True, link, ip.subnet(f"{one.ip}/{one.prefix}").shown()))
        elif one.gateway:
            out.append(AddRoute(True, link, f"{one.gateway}/{one.prefix}"))
    return tuple(out)
