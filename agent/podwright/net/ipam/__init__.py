# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address management: the `ipam` object of a network, one module per type.

A module has
    KEYS           what the object may have, besides `type`
    check(fields)  raises UsageError, naming the key, for an object that it cannot do
    assign(ask)    -> Assigned: pure, but for a resolv.conf that is named; raises UsageError like
                   `check`, and NetworkError when there is nothing left
"""

from __future__ import annotations

from importlib import import_module

from podwright.errors import UsageError
from podwright.net.values import Dns
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields
    from podwright.net.values import Address, Attachment, Route

BUILTIN = {"host-local": "hostlocal", "static": "static", "dhcp": "dhcp"}
"""Type of address management -> name of its module."""
DHCP_LINKS = ("bridge", "macvlan", "host-device")
"""Types of networks with a wire on which a DHCP server can be, and a MAC address per pod."""


@value
class Ask:
    """What addresses are assigned from.

    net       the network's name
    conf      the `ipam` object as written
    args      CNI arguments of `--net`, such as IP=10.0.0.5
    used      every address in use on this host -> who has it
    last      name of a range -> the address in it that was given last
    optional6 addresses of IPv6 can be left out, since the host has no IPv6
    plugin    the object that `conf` stands in; `args.cni.ips` and `runtimeConfig.ips` are read
    """

    net: str
    conf: dict[str, Any]
    args: dict[str, str]
    used: dict[str, str]
    last: dict[str, str]
    optional6: bool = False
    plugin: Optional[dict[str, Any]] = None


@value
class Assigned:
    """What a pod gets on one network.

    last      what `Ask.last` is to be from now on, of the ranges that changed
    subnets   where other pods of the network are, besides the subnets of the addresses
    """

    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()
    last: tuple[tuple[str, str], ...] = ()
    subnets: tuple[str, ...] = ()


NOTHING = Assigned()


def module(kind: str) -> Any:
    """The module of a built-in type."""
    return import_module(f"podwright.net.ipam.{BUILTIN[kind]}")


def check(fields: Fields, link: str) -> None:
    """Refuse an object of a built-in type that cannot be done, or not for a type of link.

    Raises UsageError that names the key.
    """
    kind = fields.text("type", ...)
    if kind == "dhcp" and link not in DHCP_LINKS:
        raise UsageError(
            f"{fields.at('type')}: dhcp needs a link to a wire with a server on it, which {link}"
            " has not",
            f"use it with {', '.join(DHCP_LINKS)}",
            object=fields.at("type"),
        )
    module(kind).check(fields)


def is_leased(attached: Attachment) -> bool:
    """Whether its address comes from a DHCP server, through a client of ours."""
    plugin = attached.conf.plugins[0] if attached.conf.plugins else {}
    conf = plugin.get("ipam") if attached.kind in DHCP_LINKS else None
    return isinstance(conf, dict) and conf.get("type") == "dhcp"


def assign(ask: Ask) -> Assigned:
    """Addresses by the type of address management that the configuration names."""
    try:
        found: Assigned = module(ask.conf["type"]).assign(ask)
    except UsageError as err:
        raise UsageError(f"network {ask.net}: {err.message}", err.hint, object=ask.net) from None
    return found
