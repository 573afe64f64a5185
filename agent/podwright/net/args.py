# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CNI arguments of `--net=NAME:K=V;...` a network does something with. Pure.

What none of its plugins knows would be asked for in vain. Executables judge for themselves.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net import ipam, kinds, meta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.values import NetConf

IGNORE = "IgnoreUnknown"
OF_KIND = {
    "ptp": ("MAC",),
    "bridge": ("MAC",),
    "macvlan": ("MAC",),
    "ipvlan": ("MAC",),  # it says why not
    "flannel": ("MAC", "IP"),
}
OF_IPAM = {"host-local": ("IP",), "static": ("IP", "GATEWAY"), "dhcp": ("IP", "GATEWAY")}
"""`dhcp` says why not."""
OF_META = {
    "tuning": ("MAC",),
    "bandwidth": ("ingressRate", "ingressBurst", "egressRate", "egressBurst"),
}


def check(conf: NetConf, args: tuple[tuple[str, str], ...]) -> None:
    """Refuse an argument that no plugin of the network knows. Raises UsageError."""
    given = dict(args)
    known = None if given.pop(IGNORE, "") in ("1", "true", "True") else known_by(conf)
    unknown = sorted(set(given) - known) if known is not None else []
    if unknown and known is not None:
        raise UsageError(
            f"network {conf.name}: has no argument {unknown[0]}",
            f"it has {', '.join(sorted(known)) or 'none'}; {IGNORE}=1 lets others pass",
            object=conf.name,
        )


def known_by(conf: NetConf) -> Optional[set[str]]:
    """The arguments of all of its plugins; None when some of them is an executable."""
    found: set[str] = set()
    for plugin in conf.plugins:
        kind = plugin["type"]
        managed = plugin.get("ipam") or {}
        if kind not in kinds.BUILTIN and kind not in meta.BUILTIN:
            return None
        if managed and managed["type"] not in ipam.BUILTIN:
            return None
        found.update(OF_KIND.get(kind, ()), OF_META.get(kind, ()))
        found.update(OF_IPAM.get(managed.get("type", ""), ()), _named(managed))
    return found


def _named(managed: dict[str, Any]) -> tuple[str, ...]:
    """Arguments that `dhcp` tells the server, by the names that the configuration has for them."""
    return tuple(one["fromArg"] for one in managed.get("provide", ()) if "fromArg" in one)
