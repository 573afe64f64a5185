# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect a link of a pod with a tap: what one receives the other sends.

By filters of tc, since they leave a packet as it is and need no addresses; by a bridge where the kernel has no
such filters. A link that leads past the host's firewall (macvlan, a device of the host) gets the rules
that its own namespace enforces in the other flavour: no packet of another sender's MAC address, none to
the metadata of clouds (threats.md T74).
"""

from __future__ import annotations

from _socket import AF_INET6, inet_aton, inet_pton

from podwright.errors import NetworkError
from podwright.kernel import sysctl
from podwright.kernel.rtnl import if_nametoindex
from podwright.net import linkmessages, tcmessages
from podwright.net.links import Change
from podwright.net.tcmessages import Action, Match

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.kernel.rtlook import Link
    from podwright.kernel.rtnl import Rtnl

TAP = "tap"
"""Beginning of the names of taps; the rest is the number of the link."""
GUARDED = "veth"
"""The kind of links that have an end on the host, with the firewall behind it."""
LACKING = (2, 95)
"""ENOENT, EOPNOTSUPP: the kernel has no such filter."""
PLACE_LAST = 100
UDP, CLIENT = 17, 68


def join(rtnl: Rtnl, link: Link, tap: Link, *, leased: bool, bridged: bool = False) -> None:
    """Connect both. Raises OSError, NetworkError.

    leased   what a DHCP client in the namespace needs to hear is heard by it
    bridged  do without tc
    """
    guarded = link.kind == GUARDED
    shared = Change(link.name, all_multicast=True)
    rtnl.call(link.name, linkmessages.changed(link.index, shared))
    rtnl.call(tap.name, linkmessages.changed(tap.index, Change(tap.name, mtu=link.mtu)))
    try:
        if bridged:
            raise OSError(LACKING[-1], "", "tc")
        rtnl.call("tc ingress", tcmessages.ingress(link.index))
        rtnl.call("tc ingress", tcmessages.ingress(tap.index))
        kind = _redirected(rtnl, link.index, tap.index)
        if leased:
            _overheard(rtnl, link.index, tap.index)
        if guarded:
            _all(rtnl, tap.index, PLACE_LAST, tcmessages.redirect(link.index), kind)
        else:
            _confined(rtnl, tap.index, link)
    except OSError as err:
        if err.errno not in LACKING or not guarded or leased:
            raise _impossible(link, err) from None
        _bridge(rtnl, link, tap)


def _impossible(link: Link, err: OSError) -> NetworkError:
    return NetworkError(
        f"{link.name}: cannot be connected with the machine: {err.filename or 'tc'}: {err.strerror}",
        "load the kernel's modules sch_ingress, cls_u32 and act_mirred",
        object=link.name,
    )


def _redirected(rtnl: Rtnl, source: int, target: int) -> str:
    """All that `source` receives is sent by `target`; returns which filter the kernel has for that."""
    try:
        _all(rtnl, source, PLACE_LAST, tcmessages.redirect(target), tcmessages.MATCHALL)
    except OSError as err:
        if err.errno not in LACKING:
            raise
        _all(rtnl, source, PLACE_LAST, tcmessages.redirect(target), tcmessages.U32)
        return tcmessages.U32
    return tcmessages.MATCHALL


def _all(rtnl: Rtnl, index: int, place: int, action: Action, kind: str) -> None:
    rtnl.call(f"tc {kind}", tcmessages.filter(index, place, action, kind=kind))


def _overheard(rtnl: Rtnl, index: int, tap: int) -> None:
    """Who has which address is heard by both, and what is sent to DHCP clients by ours alone."""
    both = tcmessages.mirror(tap)
    rtnl.call("tc u32", tcmessages.filter(index, 1, both, tcmessages.ARP))
    to_client = (
        Match(0, 0x45000000, 0xFF000000),  # without options,
        Match(4, 0, 0x00001FFF),  # a whole packet or the first part of one,
        Match(8, UDP << 16, 0x00FF0000),
        Match(20, CLIENT, 0x0000FFFF),
    )
    rtnl.call("tc u32", tcmessages.filter(index, 2, None, tcmessages.IPV4, to_client))


def _confined(rtnl: Rtnl, tap: int, link: Link) -> None:
    """What the machine sends on a link without a firewall behind it.

    What is not redirected is the namespace's own, whose kernel has no use for it: nothing there has
    an address on the tap, nothing is forwarded.
    """
    from podwright.net.tables import METADATA

    drop = None
    rtnl.call("tc u32", tcmessages.filter(tap, 1, drop, tcmessages.VLAN))
    rtnl.call("tc u32", tcmessages.filter(tap, 2, drop, tcmessages.STACKED))
    place = 3
    for of, protocol in ((4, tcmessages.IPV4), (6, tcmessages.IPV6)):
        for dst in METADATA[of]:
            matches = _to(dst)
            rtnl.call("tc u32", tcmessages.filter(tap, place, drop, protocol, matches))
            place += 1
    own = _from(bytes.fromhex(link.mac.replace(":", "")))
    onward = tcmessages.redirect(link.index)
    rtnl.call("tc u32", tcmessages.filter(tap, PLACE_LAST, onward, matches=own))


def _to(cidr: str) -> tuple[Match, ...]:
    """What is sent to a network."""
    ip, _, bits = cidr.partition("/")
    start, raw = (24, inet_pton(AF_INET6, ip)) if ":" in ip else (16, inet_aton(ip))
    mask = (((1 << int(bits)) - 1) << (len(raw) * 8 - int(bits))).to_bytes(len(raw), "big")
    found = ((at, raw[at : at + 4], mask[at : at + 4]) for at in range(0, len(raw), 4))
    return tuple(
        Match(start + at, int.from_bytes(part, "big"), int.from_bytes(under, "big"))
        for at, part, under in found
        if any(under)
    )


def _from(mac: bytes) -> tuple[Match, ...]:
    """What has this MAC address as its sender's: the header before the network's is 14 bytes long."""
    first, second = int.from_bytes(mac[:2], "big"), int.from_bytes(mac[2:], "big")
    return (Match(-8, first << 16, 0xFFFF0000), Match(-6, second))


def _bridge(rtnl: Rtnl, link: Link, tap: Link) -> None:
    """A bridge of the two; the link gets another MAC address, since its own is the guest's now."""
    from podwright.stage1.kvm.nic import new_mac

    name = f"br{link.name}"
    rtnl.call(name, linkmessages.bridge(name, new_mac(), link.mtu))
    index = if_nametoindex(name)
    six = f"net/ipv6/conf/{name}/disable_ipv6"
    if sysctl.read(six):
        sysctl.put(six, "1")
    rtnl.call(link.name, linkmessages.changed(link.index, Change(link.name, mac=new_mac())))
    for port in (link, tap):
        rtnl.call(port.name, linkmessages.port(port.index, index))
    rtnl.call(name, linkmessages.up(index))
