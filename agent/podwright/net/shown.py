# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks as people and playbooks see them: configuration, where it is from, who is on them."""

from __future__ import annotations

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.net import kinds, ledger, lookup
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.net.values import Holding, NetConf


@value
class View:
    """All networks as JSON objects in their order, and what is wrong with files."""

    networks: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]


def view(layout: Layout) -> View:
    """The networks of this host and the running pods on them."""
    catalog = lookup.read(layout.net_dirs())
    holdings = living(layout.net)
    shown = [_shown(conf, holdings, layout.net_plugins) for conf in catalog.networks]
    shown += [_broken(one, holdings) for one in catalog.broken]
    return View(tuple(shown), catalog.warnings)


def living(net_dir: str) -> Optional[tuple[Holding, ...]]:
    """What the running pods of this host hold; None for who may not know."""
    try:
        found = ledger.read_all(net_dir).holdings
        boot = boot_id() if found else ""
        return tuple(one for one in found if ledger.is_alive(net_dir, one, boot))
    except PermissionError:
        return None


def on(name: str, holdings: tuple[Holding, ...]) -> list[dict[str, Any]]:
    """The pods on a network, with what they have there."""
    return [
        {
            "uuid": holding.uuid,
            "name": holding.name,
            "ifname": link.ifname,
            "addresses": [f"{one.ip}/{one.prefix}" for one in link.addresses],
            "mac": link.mac,
            "host_if": link.host_if,
        }
        for holding in holdings
        for link in holding.attachments
        if link.net == name
    ]


def document(conf: NetConf) -> dict[str, Any]:
    """A configuration as a list of plugins, whatever form it was written in."""
    plugins = [
        {key: found for key, found in plugin.items() if key not in kinds.TOP_KEYS}
        for plugin in conf.plugins
    ]
    switches = {"disableCheck": conf.disable_check, "disableGC": conf.disable_gc}
    more = {name: True for name, on in switches.items() if on}
    return {"cniVersion": conf.version, "name": conf.name, **more, "plugins": plugins}


def lacks(conf: NetConf, plugin_dirs: tuple[str, ...]) -> str:
    """Which executable of a network cannot be run, as a sentence, or ""."""
    from podwright.net.cni import find

    try:
        find.check(conf, plugin_dirs)
    except NetworkError as err:
        return f"{err.message}; {err.hint}"
    return ""


def _shown(
    conf: NetConf, holdings: Optional[tuple[Holding, ...]], plugin_dirs: tuple[str, ...]
) -> dict[str, Any]:
    plugins = [plugin["type"] for plugin in conf.plugins]
    return {
        "name": conf.name,
        "type": plugins[0],
        "plugins": plugins,
        "subnets": subnets(conf),
        "source": conf.source,
        "config": document(conf),
        "pods": None if holdings is None else on(conf.name, holdings),
        "error": lacks(conf, plugin_dirs),
    }


def _broken(one: lookup.Broken, holdings: Optional[tuple[Holding, ...]]) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": "",
        "plugins": [],
        "subnets": [],
        "source": one.source,
        "config": None,
        "pods": None if holdings is None else on(one.name, holdings) if one.name else [],
        "error": f"{one.message}; {one.hint}" if one.hint else one.message,
    }


def subnets(conf: NetConf) -> list[str]:
    """The subnets that addresses are taken from, as far as the configuration says."""
    ipam = conf.plugins[0].get("ipam")
    if not isinstance(ipam, dict):
        return []
    sets = _items(ipam.get("ranges"))
    found = [one for part in sets for one in _items(part)]
    found += [ipam, *_items(ipam.get("addresses"))]
    texts = [one.get("subnet") or one.get("address") for one in found if isinstance(one, dict)]
    return [text for text in texts if isinstance(text, str)]


def _items(found: Any) -> list[Any]:
    """What executables read may be of any shape."""
    return found if isinstance(found, list) else []
