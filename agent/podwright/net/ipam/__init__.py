# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address management: the `ipam` object of a network, one module per type.

A module has
    KEYS           what the object may have, besides `type`
    assign(ask)    -> Assigned: pure; raises NetworkError when there is nothing left, UsageError
                   for a configuration it cannot do
"""

from __future__ import annotations

from importlib import import_module

from podwright.net.values import Dns
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.values import Address, Route

BUILTIN = {"host-local": "hostlocal", "static": "static", "dhcp": "dhcp"}
"""Type of address management -> name of its module."""


@value
class Ask:
    """What addresses are assigned from.

    net       the network's name
    conf      the `ipam` object as written
    args      CNI arguments of `--net`, such as IP=10.0.0.5
    used      every address in use on this host
    last      name of a range -> the address in it that was given last
    optional6 addresses of IPv6 can be left out, since the host has no IPv6
    """

    net: str
    conf: dict[str, Any]
    args: dict[str, str]
    used: frozenset[str]
    last: dict[str, str]
    optional6: bool = False


@value
class Assigned:
    """What a pod gets on one network.

    last   what `Ask.last` is to be from now on, of the ranges that changed
    """

    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()
    last: tuple[tuple[str, str], ...] = ()


NOTHING = Assigned()


def assign(ask: Ask) -> Assigned:
    """Addresses by the type of address management that the configuration names."""
    kind = ask.conf["type"]
    found: Assigned = import_module(f"podwright.net.ipam.{BUILTIN[kind]}").assign(ask)
    return found
