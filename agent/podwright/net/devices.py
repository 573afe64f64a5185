# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a device back from a pod's network namespace: name, state, addresses as they were."""

from __future__ import annotations

import os

from podwright.errors import NetworkError
from podwright.kernel import rtlook
from podwright.kernel.rtnl import Rtnl, entered
from podwright.net import ledger
from podwright.net import linkmessages as make

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.kernel.rtlook import Link
    from podwright.net.values import Attachment


def give_back(attached: Attachment, netns: str) -> None:
    """Fetch the device out of the namespace at `netns`, when both are there. Idempotent.

    A physical device whose namespace has ended has come back by itself, maybe under another name.
    Raises NetworkError.
    """
    name = dict(attached.state)["device"]
    if not ledger.is_link_name(name):
        return
    try:
        if netns:
            _fetch(attached, name, netns)
        _restore(name, dict(attached.state))
    except OSError as err:
        raise NetworkError(
            f"device {name}: cannot be brought back from the pod: {err.strerror}",
            "see whether the host has another link of that name meanwhile, then run gc",
            object=name,
        ) from None


def _fetch(attached: Attachment, name: str, netns: str) -> None:
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with entered(there):
            found = _find(attached)
            if found is not None:
                rtnl = Rtnl()
                rtnl.call("down", make.up(found.index, on=False))
                rtnl.call("move", make.moved(found.index, name, home))
                rtnl.close()
    finally:
        os.close(there)
        os.close(home)


def _find(attached: Attachment) -> Optional[Link]:
    """The device in the pod, whatever the pod has called it meanwhile."""
    state = dict(attached.state)
    here = [one for one in rtlook.links() if one.kind == state["device_kind"] and one.name != "lo"]
    named = [one for one in here if one.name == attached.ifname]
    macs = {attached.mac, state["device_mac"]} - {""}
    return next(iter([one for one in here if one.mac in macs] or named), None)


def _restore(name: str, state: dict[str, Any]) -> None:
    """Make the device at home what it was."""
    found = rtlook.link(name)
    rtnl = Rtnl()
    if found is None:
        found = _renamed(name, state, rtnl)
    if found is None or found.kind != state["device_kind"]:
        return
    mac = state["device_mac"] if state["device_mac"] != found.mac else ""
    again = make.restored(found.index, mac, state["mtu"], state["queue"], state["modes"])
    rtnl.call("restore", again)
    for address, prefix in state["had"]:
        rtnl.call("address", make.address(found.index, address, prefix))
    if state["up"]:
        rtnl.call("up", make.up(found.index))
    rtnl.close()


def _renamed(name: str, state: dict[str, Any], rtnl: Rtnl) -> Optional[Link]:
    """The device at home under the name that it got when the pod's namespace ended."""
    wanted = (state["device_mac"], state["device_kind"])
    found = [one for one in rtlook.links() if (one.mac, one.kind) == wanted and one.mac]
    if len(found) != 1:
        return None
    rtnl.call("down", make.up(found[0].index, on=False))
    rtnl.call("rename", make.renamed(found[0].index, name))
    return found[0]
