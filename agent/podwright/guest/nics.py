# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's links become those of the pod: names, addresses and routes, as the host says (`nicplan`).

A device is found by the MAC address that the machine was given for it, since the kernel's own names go by
the order of buses. Everything works when `apply` returns: no address waits for duplicates to be found.
"""

from __future__ import annotations

import time

from podwright.errors import NetworkError
from podwright.kernel import rtlook, sysctl
from podwright.kernel.rtnl import Rtnl
from podwright.net import linkmessages, rtmessages
from podwright.net.links import Change
from podwright.stage1.kvm import nicplan
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage1.kvm.nicplan import NicPlan, NicPlans

MEANWHILE = "pwnic"
"""Beginning of a device's name while others may still have the one that it gets."""
ALL_GROUPS = "0 2147483647"
PATIENCE = 10.0
MOMENT = 0.002
LOOPBACK = 1
"""Its index in every network namespace."""


def apply(raw: dict[str, Any]) -> None:
    """Do what `nics` of the frame GO says; `{}` for a pod without a network. Raises NetworkError."""
    plans = nicplan.from_go(raw) if raw else nicplan.NicPlans()
    rtnl = Rtnl()
    try:
        _all(plans, rtnl)
    except OSError as err:
        raise NetworkError(
            f"the guest's network: {safe(err.filename or '')}: {safe(err.strerror or err)}"
        ) from None
    finally:
        rtnl.close()


def _all(plans: NicPlans, rtnl: Rtnl) -> None:
    sysctl.put("net/ipv4/ping_group_range", ALL_GROUPS)
    rtnl.call("lo", linkmessages.up(LOOPBACK))
    indexes = _devices(plans.nics)
    for nic in plans.nics:
        rtnl.call(nic.name, linkmessages.renamed(indexes[nic.name], f"{MEANWHILE}{nic.name}"))
    for nic in plans.nics:
        _bring_up(indexes[nic.name], nic, rtnl)
    for one in nicplan.in_order(plans.routes):
        rtnl.call(f"route to {one.dst}", rtmessages.route(indexes.get(one.device, 0), one))
    for rule in plans.rules:
        rtnl.call(f"rule {rule.priority}", rtmessages.rule(rule))
    for key, text in plans.settings:
        sysctl.put(key, text)


def _devices(nics: tuple[NicPlan, ...]) -> dict[str, int]:
    """Name of a link to be -> index of its device, which may be there a moment later. Raises NetworkError."""
    until = time.monotonic() + PATIENCE
    while True:
        found = {link.mac: link.index for link in rtlook.links()}
        missing = [nic for nic in nics if nic.hardware not in found]
        if not missing:
            return {nic.name: found[nic.hardware] for nic in nics}
        if time.monotonic() >= until:
            raise NetworkError(
                f"the guest has no network device {missing[0].hardware}, which was to be {missing[0].name}",
                "its kernel needs virtio_net, under Xen xen_netfront",
                object=missing[0].name,
            )
        time.sleep(MOMENT)


def _bring_up(index: int, nic: NicPlan, rtnl: Rtnl) -> None:
    """One link, with its addresses and neighbours."""
    name = nic.name
    rtnl.call(name, linkmessages.renamed(index, name))
    change = Change(name, nic.mac, nic.mtu, nic.promiscuous, nic.all_multicast, nic.queue or -1)
    rtnl.call(name, linkmessages.changed(index, change))
    for key, text in _settings(nic):
        if sysctl.read(key):
            sysctl.put(key, text)
    rtnl.call(name, linkmessages.up(index))
    for one in nic.addresses:
        rtnl.call(f"{name}: {one.ip}", rtmessages.address(index, one))
    for ip, mac in nic.neighbours:
        rtnl.call(f"{name}: neighbour {ip}", rtmessages.neighbour(index, ip, mac))


def _settings(nic: NicPlan) -> tuple[tuple[str, str], ...]:
    six = f"net/ipv6/conf/{nic.name}"
    if not nic.ipv6:
        return ((f"{six}/disable_ipv6", "1"),)
    return ((f"{six}/accept_dad", "0"), (f"{six}/disable_ipv6", "0"))
