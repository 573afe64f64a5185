# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the types of a network would refuse at a pod's start because of its configuration. Pure.

They are asked for an attachment as they are then, with addresses that nobody has and a host that
stands for any. So what they refuse is refused when the configuration is read.
"""

from __future__ import annotations

from podwright.errors import NetworkError, UsageError
from podwright.model.fields import Fields
from podwright.net import ipam, kinds, meta
from podwright.net.cni import protocol
from podwright.net.values import Address, Attachment, NetConf
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.ipam import Assigned

UUID = "00000000-0000-4000-8000-000000000000"
LINK = "podw0000000000"
ANY_HOST = (("default", "eth0"), ("device", "eth0"), ("device_mac", "02:00:00:00:00:01"))
"""What `look` of some type might see."""
SUBNETS = ("192.0.2.0/24",)
PLACEHOLDERS = (Address("192.0.2.2", 24, "192.0.2.1"), Address("2001:db8::2", 64, "2001:db8::1"))


def check(conf: NetConf, args: Optional[tuple[tuple[str, str], ...]] = None) -> None:
    """Raise UsageError for what cannot be had on any host.

    args  as `--net` has them; None while nobody has asked for the network
    """
    try:
        _check(conf, args)
    except NetworkError as err:
        raise UsageError(err.message, err.hint, object=err.object) from None


def _check(conf: NetConf, args: Optional[tuple[tuple[str, str], ...]]) -> None:
    plugin = conf.plugins[0]
    for one in conf.plugins:
        if one["type"] not in kinds.BUILTIN and one["type"] not in meta.BUILTIN:
            protocol.timeout(one, conf.name)
    if plugin["type"] == "flannel":
        return _check_flannel(conf, args)
    attached = _attached(conf, plugin, args)
    for further in conf.plugins[1:]:
        if further["type"] in meta.BUILTIN:
            attached = meta.module(further["type"]).alter(attached, further)
    return None


def _attached(
    conf: NetConf, plugin: dict[str, Any], args: Optional[tuple[tuple[str, str], ...]]
) -> Attachment:
    kind = plugin["type"]
    if kind not in kinds.BUILTIN:
        return Attachment(conf.name, kind, "eth0", conf, args or ())
    told = replace(conf, source=conf.source or "-")  # the built-in networks alone have none
    assigned = _assigned(conf, plugin, None if args is None else dict(args))
    want = kinds.Want(told, plugin, args or (), UUID, "eth0", LINK, assigned, ANY_HOST)
    attached: Attachment = kinds.module(kind).attach(want)
    return attached


def _assigned(conf: NetConf, plugin: dict[str, Any], args: Optional[dict[str, str]]) -> Assigned:
    """The first addresses, where there are any yet; what only the host knows is left out."""
    managed = plugin.get("ipam")
    if not managed:
        return ipam.NOTHING
    kind = managed["type"]
    if kind not in ipam.BUILTIN:
        return ipam.Assigned(PLACEHOLDERS)
    if args is None and (kind == "dhcp" or (kind == "static" and not managed.get("addresses"))):
        return ipam.NOTHING  # what is asked for with the pod is still missing
    said = {key: found for key, found in managed.items() if key != "resolvConf"}
    return ipam.assign(ipam.Ask(conf.name, said, args or {}, {}, {}, plugin=plugin))


def _check_flannel(conf: NetConf, args: Optional[tuple[tuple[str, str], ...]]) -> None:
    """What flannel's type stands for, as if there were some subnet file."""
    from podwright.net.conf import understand
    from podwright.net.kinds import flannel

    fields = Fields(conf.plugins[0], f"network {conf.name}: flannel")
    fields.text("subnetFile")
    some = flannel.Subnet(SUBNETS, SUBNETS, 1450, True)
    found = flannel.delegated(conf.name, fields, some)
    chain = {"name": conf.name, "cniVersion": conf.version, "plugins": [found, *conf.plugins[1:]]}
    understood = understand(chain)
    if args:
        _check(understood, tuple(pair for pair in args if pair[0] != "IP"))
