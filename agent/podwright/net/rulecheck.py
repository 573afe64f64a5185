# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can a pod's own rules be enforced on the networks that it wants? Found out before anything changes.

What only shows when a pod starts (a bridge that is somebody else's) is refused then, by
`net/firewall.py`, before anything is made.
"""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.model import podrules
from podwright.net import conf, lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.host.paths import Layout
    from podwright.model.podrules import Rule
    from podwright.net.values import NetConf

ENFORCED = ("ptp", "bridge", "flannel")
"""Types whose packets pass the host's firewall."""


def check(nets: str, conf_dirs: tuple[str, ...], planned: tuple[NetConf, ...] = ()) -> None:
    """Raise NetworkError, naming the network, when they cannot."""
    bridged = ""
    for chosen in lookup.chosen(nets, conf_dirs, planned):
        _refuse(chosen.conf)
        if chosen.conf.plugins[0]["type"] != "ptp":
            bridged = chosen.conf.name
    if bridged:
        from podwright.kernel.nft import Nft
        from podwright.net import firewall

        firewall.probe_bridge(Nft(), bridged)


def check_peers(
    rules: Iterable[Rule], conf_dirs: tuple[str, ...], planned: tuple[NetConf, ...] = ()
) -> None:
    """Raise NetworkError for a rule about a network that is not configured: nobody is ever on it."""
    wanted = {one.peer for one in rules if one.kind == podrules.NETWORK}
    if not wanted:
        return
    catalog = lookup.read(conf_dirs)
    coming = (one.name for one in planned)
    known = {*catalog.names(), *coming, *(one.name for one in catalog.broken)}
    for name in sorted(wanted - known):
        err = lookup.unknown(name, catalog)
        raise NetworkError(f"rules of the pod: {err.message}", err.hint, object=name)


def strangers(layout: Layout, rules: Iterable[Rule], known: Iterable[str] = ()) -> list[str]:
    """Sentences about rules for pods that are not here, which may come later, or be a slip.

    known  names of pods that are about to be made
    """
    wanted = {one.peer for one in rules if one.kind == podrules.POD} - set(known)
    if not wanted:
        return []
    from podwright.net import shown
    from podwright.reconcile import revisions

    wanted -= {*revisions.names(layout), *(one.name for one in shown.living(layout.net) or ())}
    return [
        f"rules of the pod: no pod of this host is called {name}; they mean nobody until there is one"
        for name in sorted(wanted)
    ]


def _refuse(network: NetConf) -> None:
    first = network.plugins[0]
    ipam = first.get("ipam")
    foreign = [kind for kind in conf.types(network) if not conf.is_built_in(kind)]
    why = ""
    if foreign:
        why = f"its packets are the business of the plugin {foreign[0]}"
    elif first["type"] not in ENFORCED:
        why = "its packets do not pass the host's firewall"
    elif isinstance(ipam, dict) and ipam.get("type") == "dhcp":
        why = "its addresses become known too late"
    if why:
        raise NetworkError(
            f"network {network.name}: rules of a pod cannot be enforced on it, since {why}",
            "leave the rules out, or use networks of the types ptp and bridge that hand out"
            " addresses themselves",
            object=network.name,
            reason="no-rules",
        )
