# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the steps of `net/links.py`."""

from __future__ import annotations

import os

from podwright.errors import NetworkError
from podwright.kernel.rtnl import Rtnl, entered, if_nametoindex
from podwright.net import bridges, limits
from podwright.net import linkmessages as make
from podwright.net.links import Bridge, Change, From, Police, Port, Shape, Sub, Take
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.kernel.nft import Nft

ENODEV, EBUSY, EEXIST, EOPNOTSUPP = 19, 16, 17, 95


def take(step: Any, rtnl: Rtnl, nft: Nft, net_dir: str, netns: int) -> None:
    """Take one step; `netns` is the pod's namespace. Raises OSError or NetworkError."""
    if isinstance(step, Bridge):
        bridges.join(net_dir, step, rtnl)
    elif isinstance(step, Port):
        _port(step, rtnl)
    elif isinstance(step, Sub):
        _sub(step, rtnl, netns)
    elif isinstance(step, Take):
        index = _index(step.device)
        rtnl.call("down", make.up(index, on=False))
        rtnl.call("move", make.moved(index, step.pod_if, netns))
    elif isinstance(step, Change):
        rtnl.call("change", make.changed(_index(step.link), step))
    elif isinstance(step, Shape):
        rtnl.call("shape", make.shape(_index(step.link), step.rate, step.burst))
    elif isinstance(step, From):
        rtnl.call("rule", make.rule_from(step.ip, step.table))
    elif isinstance(step, Police):
        nft.run(limits.commands(step.link, step.rate, step.burst))
    else:
        raise NetworkError(f"network: no way to do {type(step).__name__}")


def _index(name: str) -> int:
    try:
        return if_nametoindex(name)
    except OSError:
        raise NetworkError(
            f"link {name}: does not exist on this host",
            "see with: ip link",
            object=name,
            reason="no-device",
        ) from None


def _port(step: Port, rtnl: Rtnl) -> None:
    index = _index(step.link)
    rtnl.call("port", make.port(index, _index(step.bridge)))
    rtnl.call("port options", make.port_options(index, step))
    if step.vlan:
        rtnl.call("vlan", make.bridge_vlan(index, step.vlan, own=False))
        if not step.native and step.vlan != 1:
            rtnl.call("vlan", make.no_bridge_vlan(index, 1))


def _sub(step: Sub, rtnl: Rtnl, netns: int) -> None:
    master = _index(step.master)
    try:
        _make_sub(step, rtnl, master, netns)
    except OSError as err:
        if err.errno == EOPNOTSUPP:
            raise NetworkError(
                f"network: this kernel has no {step.kind} links",
                f"load the kernel module {step.kind}: modprobe {step.kind}",
                object=step.kind,
                reason="no-kernel-support",
            ) from None
        if err.errno in (EBUSY, 22):
            raise NetworkError(
                f"link {step.master}: cannot carry a link of type {step.kind} and mode {step.mode}:"
                f" {err.strerror}",
                "another pod, bridge or link may have it already; see with: ip -d link",
                object=step.master,
                reason="busy-device",
            ) from None
        raise


def _make_sub(step: Sub, rtnl: Rtnl, master: int, netns: int) -> None:
    try:
        rtnl.call(step.kind, make.sub(step, master, netns))
    except OSError as err:
        if err.errno != EEXIST:
            raise
        # Before Linux 6.13 no link of the host may have the name either, and many a host has an eth0.
        meanwhile = f"podw{os.urandom(4).hex()}"
        rtnl.call(step.kind, make.sub(replace(step, pod_if=meanwhile), master, netns))
        with entered(netns):
            inside = Rtnl()
            inside.call("rename", make.renamed(if_nametoindex(meanwhile), step.pod_if))
            inside.close()
