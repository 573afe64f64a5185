# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of networks that are built in, one module each.

A module has
    KEYS             what its object in a configuration may have, besides COMMON_KEYS
    attach(want)     -> Attachment: pure; raises UsageError for a configuration it cannot do
    steps(attached)  -> tuple[Step, ...]: pure; what makes it, in order, without firewall
    look(plugin, net_dir) -> dict: where it has to know something of the host as it is
and is loaded only when a network of its type is used.
"""

from __future__ import annotations

from importlib import import_module

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.net.ipam import Assigned
    from podwright.net.values import NetConf

BUILTIN = {
    "ptp": "ptp",
    "bridge": "bridge",
    "macvlan": "macvlan",
    "ipvlan": "ipvlan",
    "loopback": "loopback",
    "host-device": "hostdevice",
    "flannel": "flannel",
}
"""Type of a network -> name of its module."""
DIRECT = frozenset(("macvlan", "ipvlan", "host-device"))
"""Types whose links lead out past the host's firewall."""
COMMON_KEYS = frozenset(("type", "ipam", "dns", "capabilities", "runtimeConfig", "args"))
TOP_KEYS = frozenset(
    ("cniVersion", "cniVersions", "name", "disableCheck", "disableGC", "loadOnlyInlinedPlugins")
)
"""Keys of the network itself, which stand beside those of the plugin in a single configuration."""


@value
class Want:
    """What an attachment is made from.

    plugin    the object of the plugin that makes the link
    args      CNI arguments
    ifname    name of the link in the pod
    host_if   name for the host's end
    assigned  what address management gave; nothing for types that have none
    seen      what `look` of the module saw of the host
    publishes whether the pod has published ports
    """

    conf: NetConf
    plugin: dict[str, Any]
    args: tuple[tuple[str, str], ...]
    uuid: str
    ifname: str
    host_if: str
    assigned: Assigned
    seen: tuple[tuple[str, Any], ...] = ()
    publishes: bool = False


def module(kind: str) -> Any:
    """The module of a built-in type."""
    return import_module(f"podwright.net.kinds.{BUILTIN[kind]}")


def seen(plugin: dict[str, Any], net_dir: str) -> tuple[tuple[str, Any], ...]:
    """What a type needs to know of the host as it is; the caller holds the host lock."""
    look = getattr(module(plugin["type"]), "look", None)
    return tuple(look(plugin, net_dir).items()) if look is not None else ()
