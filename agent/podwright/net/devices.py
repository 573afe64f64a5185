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

EEXIST = 17


def give_back(attached: Attachment, netns: str) -> None:
    """Fetch the device out of the namespace at `netns`, when it is there. Raises NetworkError."""
    state = dict(attached.state)
    name = state["device"]
    if not ledger.is_link_name(name):
        return
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with entered(there):
            moved = _send(attached, name, home)
        if moved:
            _restore(name, state)
    except OSError as err:
        raise NetworkError(
            f"device {name}: cannot be brought back from the pod: {err.strerror}",
            "see whether the host has another link of that name meanwhile, then run gc",
            object=name,
        ) from None
    finally:
        os.close(there)
        os.close(home)


def _send(attached: Attachment, name: str, home: int) -> bool:
    found = _find(attached)
    if found is None:
        return False
    rtnl = Rtnl()
    rtnl.call("down", make.up(found.index, on=False))
    rtnl.call("move", make.moved(found.index, name, home))
    rtnl.close()
    return True


def _find(attached: Attachment) -> Optional[Link]:
    """The device, whatever the pod has called it meanwhile."""
    here = [one for one in rtlook.links() if one.name != "lo"]
    named = [one for one in here if one.name == attached.ifname]
    macs = {attached.mac, dict(attached.state)["device_mac"]} - {""}
    return next(iter([one for one in here if one.mac in macs] or named), None)


def _restore(name: str, state: dict[str, Any]) -> None:
    found = rtlook.link(name)
    if found is None:
        return
    rtnl = Rtnl()
    if state["mtu"] != found.mtu:
        rtnl.call("mtu", make.with_mtu(found.index, state["mtu"]))
    if state["device_mac"] and state["device_mac"] != found.mac:
        rtnl.call("mac", make.with_mac(found.index, state["device_mac"]))
    for address, prefix in state["had"]:
        rtnl.call("address", make.address(found.index, address, prefix))
    if state["up"]:
        rtnl.call("up", make.up(found.index))
    rtnl.close()
