# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link of the host, lent to a pod for its life (`host-device`).

At the pod's end it comes back with its name, addresses and state. When the pod's parent is killed, too,
nobody is left to carry it back: the kernel gives a physical device to the host's first
namespace and ends a virtual one.
"""

from __future__ import annotations

import os

from podwright.errors import NetworkError, UsageError
from podwright.kernel import rtlook
from podwright.net import ip
from podwright.net.kinds import options
from podwright.net.kinds.onwire import inside_steps
from podwright.net.ledger import is_link_name
from podwright.net.links import Take
from podwright.net.plan import Step, in_pod_routes
from podwright.net.values import LINK_PREFIX, Attachment
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.kernel.rtlook import Link
    from podwright.net.kinds import Want

KEYS = frozenset(("device", "hwaddr", "kernelpath", "pciBusID"))
WAYS = ("device", "hwaddr", "kernelpath", "pciBusID")
"""How the device may be named, in the order of their weight."""


def look(plugin: dict[str, Any], net_dir: str) -> dict[str, Any]:
    """The device as it is now."""
    del net_dir
    found = _found(plugin)
    if found is None:
        return {}
    return {
        "device": found.name,
        "device_mac": found.mac,
        "device_kind": found.kind,
        "up": found.up,
        "mtu": found.mtu,
        "modes": found.modes,
        "queue": found.queue,
        "had": [[one.ip, one.prefix] for one in rtlook.addresses(found.index) if one.permanent],
    }


def _found(plugin: dict[str, Any]) -> Optional[Link]:
    said = {name: plugin[name] for name in WAYS if isinstance(plugin.get(name), str)}
    if said.get("device"):
        return rtlook.link(said["device"]) if is_link_name(said["device"]) else None
    if said.get("hwaddr"):
        wanted = said["hwaddr"].lower()
        return next((one for one in rtlook.links() if one.mac == wanted), None)
    if said.get("kernelpath"):
        return _below(f"{said['kernelpath']}/net")
    if said.get("pciBusID") and "/" not in said["pciBusID"]:
        return _below(f"/sys/bus/pci/devices/{said['pciBusID']}/net")
    return None


def _below(directory: str) -> Optional[Link]:
    """The only link that a directory of sysfs names."""
    path = os.path.realpath(directory)
    try:
        names = os.listdir(path) if path.startswith("/sys/devices/") else []
    except OSError:
        return None
    return rtlook.link(names[0]) if len(names) == 1 else None


def attach(want: Want) -> Attachment:
    """The attachment, with what the device has to be like when it comes back."""
    net = want.conf.name
    fields = options.read(net, want.plugin)
    said = [(name, fields.text(name)) for name in WAYS if fields.text(name)]
    if not said:
        raise UsageError(
            f"network {net}: host-device: no device is named", f"say one of {', '.join(WAYS)}"
        )
    options.mac(fields.at("hwaddr"), fields.text("hwaddr"))
    seen = dict(want.seen)
    device = str(seen.get("device", ""))
    shown = f"{said[0][0]} {safe(said[0][1], 200)}"
    if not device:
        raise NetworkError(
            f"network {net}: {shown}: this host has no such link",
            "see with: ip link",
            object=net,
            reason="no-device",
        )
    if device == "lo" or device.startswith(LINK_PREFIX):
        raise UsageError(f"network {net}: {shown}: is not a link that can be given away")
    return Attachment(
        net=net,
        kind="host-device",
        ifname=want.ifname,
        conf=want.conf,
        args=want.args,
        mac=str(seen["device_mac"]),
        addresses=want.assigned.addresses,
        routes=want.assigned.routes,
        dns=options.dns(want),
        state=(*sorted(seen.items()), ("end", True)),
    )


def steps(attached: Attachment) -> tuple[Step, ...]:
    """The device moves, and gets addresses and routes there."""
    families = {ip.family(one.ip) for one in attached.addresses}
    take = Take(dict(attached.state)["device"], attached.ifname)
    return (take, *inside_steps(attached, families), *in_pod_routes(attached))
