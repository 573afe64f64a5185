# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a pod in a machine, on the host's side (D6).

A pod's network is made as ever, in the pod's own network namespace. There each link of it gets a
tap beside it, whose other end is the machine's: what one receives the other sends, by tc. The link's addresses
and routes go to the guest; nothing in the namespace answers to anybody. So whatever is decided
at the host's end of a link (the firewall, ports, limits, names) is the same for both flavours.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, NetworkError, UsageError
from podwright.kernel import rtlook, sysctl, tap
from podwright.kernel.rtnl import Rtnl
from podwright.model import netchoice
from podwright.net import linkmessages, lookup, rtmessages
from podwright.stage1.kvm import nicplan, nicread, redirect
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.lookup import Chosen
    from podwright.net.values import NetConf
    from podwright.stage1.kvm.nicplan import NicPlans

LEASED = "dhcp"
LOOPBACK = "loopback"
"""The type of networks that make no link."""
NO_ANSWER = "8"
"""To questions for any address."""


@value
class Wire:
    """A link that a pod is going to have, as its configuration says.

    name      eth0, ...
    net       of which network
    leased    a client on the host's side keeps the lease of its address
    settings  of the kernel that its network asks for (tuning)
    """

    name: str
    net: str
    leased: bool = False
    settings: tuple[tuple[str, str], ...] = ()


@value
class Tap:
    """The machine's end of a wire: the descriptor is QEMU's, `mac` that of the guest's device.

    elsewhere  it is connected by another domain than this host: there is nothing here to be joined
    """

    wire: Wire
    name: str
    mac: str
    fd: int = -1
    elsewhere: bool = False


def expect(nets: str, conf_dirs: tuple[str, ...]) -> tuple[Wire, ...]:
    """The links of a pod on these networks (`--net`), in their order. Raises UsageError, NetworkError."""
    if netchoice.parse(nets).word == netchoice.HOST:
        raise UsageError(
            "a pod in a virtual machine cannot have the host's network: its machine has a kernel, and"
            " a network, of its own",
            "leave --net=host out and publish ports, or run the pod in namespaces",
            object="host",
        )
    return tuple(
        _wire(one, at)
        for at, one in enumerate(lookup.choose(nets, conf_dirs))
        if one.conf.plugins[0]["type"] != LOOPBACK
    )


def _wire(chosen: Chosen, at: int) -> Wire:
    conf = chosen.conf
    kind = conf.plugins[0]["type"]
    if kind in REFUSED:
        raise UsageError(
            f"network {conf.name}: a virtual machine cannot be on a network of type {kind}:"
            f" {REFUSED[kind]}",
            "use macvlan, bridge or ptp, or run the pod in namespaces",
            object=conf.name,
        )
    name = f"eth{at}"
    leased = any((one.get("ipam") or {}).get("type") == LEASED for one in conf.plugins)
    return Wire(name, conf.name, leased, _settings(conf, name))


REFUSED = {
    "ipvlan": "all links of it share one MAC address, and who has an address only the host's kernel knows",
}
"""Type of a network -> why a machine cannot be on it."""


def _settings(conf: NetConf, name: str) -> tuple[tuple[str, str], ...]:
    """What the plugin `tuning` of a network asks for."""
    plugins = [one for one in conf.plugins[1:] if one["type"] == "tuning"]
    if not plugins:
        return ()
    from podwright.net.meta import tuning
    from podwright.net.values import Attachment

    bare = Attachment(conf.name, conf.plugins[0]["type"], name, conf)
    return tuple((one.key, one.text) for plugin in plugins for one in tuning.settings(bare, plugin))


def make_taps(wires: tuple[Wire, ...]) -> tuple[Tap, ...]:
    """A tap for each link, in this network namespace. Raises HostError."""
    made: list[Tap] = []
    try:
        for at, wire in enumerate(wires):
            name = f"{redirect.TAP}{at}"
            made.append(Tap(wire, name, new_mac(), tap.make(name)))
    except OSError as err:
        raise HostError(f"the machine's {wire.name}: no tap can be made: {safe(err)}") from None
    finally:
        if len(made) < len(wires):
            for one in made:
                os.close(one.fd)
    return tuple(made)


def new_mac() -> str:
    """One that nobody has, for a device that gets another one before it sends anything."""
    raw = bytearray(os.urandom(6))
    raw[0] = raw[0] & 0xFC | 0x02  # of one device, locally administered
    return ":".join(f"{byte:02x}" for byte in raw)


def connect(taps: tuple[Tap, ...], *, bridged: bool = False) -> dict[str, Any]:
    """The network is up: connect its links with the taps, and take from them what the guest is to have.

    bridged  by bridges, as where the kernel has no tc
    Returns `nics` of the frame GO. Raises NetworkError.
    """
    try:
        return nicplan.to_go(_connect(taps, bridged=bridged))
    except OSError as err:
        what = safe(err.filename or "the machine's network")
        raise NetworkError(f"{what}: {safe(err.strerror or err)}") from None


def _connect(taps: tuple[Tap, ...], *, bridged: bool) -> NicPlans:
    links = {one.name: one for one in rtlook.links()}
    for one in taps:
        _expected(links.get(one.wire.name), one.wire)
    settings = tuple(each for one in taps for each in one.wire.settings)
    plans = nicread.read({one.wire.name: one.mac for one in taps}, settings)
    rtnl = Rtnl()
    try:
        for one, nic in zip(taps, plans.nics):
            if one.elsewhere:
                _quiet(nic.name)
                continue
            ends = (links[nic.name], links[one.name])
            redirect.join(rtnl, *ends, leased=one.wire.leased, bridged=bridged)
            for name in (nic.name, one.name):
                _quiet(name)
            for address in nic.addresses if not one.wire.leased else ():
                if ":" not in address.ip:  # those of IPv6 have just gone
                    rtnl.call(address.ip, rtmessages.no_address(ends[0].index, address))
            rtnl.call(one.name, linkmessages.up(ends[1].index))
    finally:
        rtnl.close()
    return plans


def _expected(link: Optional[rtlook.Link], wire: Wire) -> None:
    """Raise NetworkError for a link that is not what was thought before it was there."""
    if link is None:
        raise NetworkError(
            f"network {wire.net}: the pod has no {wire.name}: its configuration has changed meanwhile",
            "start the pod again",
            object=wire.net,
        )
    if link.kind in REFUSED:
        raise NetworkError(
            f"network {wire.net}: a virtual machine cannot have a link of type {link.kind}:"
            f" {REFUSED[link.kind]}",
            "use another network, or run the pod in namespaces",
            object=wire.net,
        )


def _quiet(name: str) -> None:
    """Let the namespace's own kernel neither answer nor speak on a link."""
    six, arp = f"net/ipv6/conf/{name}/disable_ipv6", f"net/ipv4/conf/{name}/arp_ignore"
    if sysctl.read(six) == "0":
        sysctl.put(six, "1")
    sysctl.put(arp, NO_ANSWER)
