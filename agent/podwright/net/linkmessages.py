# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink messages about links that only other types than ptp need, encoded here.

Attributes and numbers: linux/fib_rules.h, linux/if_link.h, linux/if_bridge.h, linux/pkt_sched.h.
"""

from __future__ import annotations

import struct
from _socket import AF_INET, AF_INET6, inet_pton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.net.links import Change, Port, Sub

RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWQDISC = (
    16, 17, 19, 20, 21, 36,
)  # fmt: skip
REQUEST_ACK, REPLACE, EXCLUSIVE, CREATE = 0x5, 0x100, 0x200, 0x400
AF_BRIDGE = 7
IFF_UP, IFF_PROMISC, IFF_ALLMULTI = 0x1, 0x100, 0x200
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_PROTINFO, IFLA_TXQLEN, IFLA_LINKINFO, IFLA_AF_SPEC, IFLA_NET_NS_FD = 12, 13, 18, 26, 28
INFO_KIND, INFO_DATA = 1, 2
BR_FORWARD_DELAY, BR_STP_STATE, BR_VLAN_FILTERING, BR_MCAST_SNOOPING = 1, 5, 7, 23
PORT_HAIRPIN, PORT_GUARD, PORT_ISOLATED = 4, 5, 33
BRIDGE_FLAGS, BRIDGE_VLAN_INFO = 0, 2
BRIDGE_FLAG_SELF = 2
VLAN_PVID_UNTAGGED = 0x2 | 0x4
VLAN_ID, SUB_MODE = 1, 1
NESTED = 0x8000
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_NODAD = 0x2
RTM_NEWRULE, RULE_TO_TABLE = 32, 1
RULE_SRC, RULE_PRIORITY, RULE_TABLE = 2, 6, 15
TC_ROOT = 0xFFFFFFFF
TCA_KIND, TCA_OPTIONS = 1, 2
TBF_PARMS, TBF_RATE64, TBF_BURST = 1, 4, 6
ETHERNET = 1
LATENCY = 40
"""What waits at most in a shaped link: what 1/LATENCY seconds let through."""
MOST32 = 2**32 - 1


def _attr(kind: int, *data: bytes) -> bytes:
    body = b"".join(data)
    return struct.pack("=HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attr(kind, text.encode() + b"\0")


def _u32(kind: int, number: int) -> bytes:
    return _attr(kind, struct.pack("=I", number))


def _u16(kind: int, number: int) -> bytes:
    return _attr(kind, struct.pack("=H", number))


def _u8(kind: int, number: int) -> bytes:
    return _attr(kind, bytes((number,)))


def _mac(mac: str) -> bytes:
    return _attr(IFLA_ADDRESS, bytes.fromhex(mac.replace(":", ""))) if mac else b""


def _mtu(mtu: int) -> bytes:
    return _u32(IFLA_MTU, mtu) if mtu else b""


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST_ACK | flags, 1, 0) + body


def _link(
    index: int,
    *attributes: bytes,
    kind: int = RTM_NEWLINK,
    how: int = 0,
    family: int = 0,
    flags: Optional[tuple[int, int]] = None,
) -> bytes:
    """A message about a link; `flags`: (what they are, which are meant)."""
    value, mask = flags or (0, 0)
    head = struct.pack("=BxHiII", family, 0, index, value, mask)
    return _message(kind, how, head + b"".join(attributes))


def _made(name: str, kind: str, data: bytes, *more: bytes) -> bytes:
    info = _attr(IFLA_LINKINFO, _text(INFO_KIND, kind), _attr(INFO_DATA, data))
    return _link(0, _text(IFLA_IFNAME, name), *more, info, how=CREATE | EXCLUSIVE)


def sub(step: Sub, master: int, netns: int) -> bytes:
    """A link on a link, in another namespace."""
    mode = (_u32 if step.kind == "macvlan" else _u16)(SUB_MODE, step.number)
    place = _u32(IFLA_LINK, master) + _u32(IFLA_NET_NS_FD, netns)
    return _made(step.pod_if, step.kind, mode, place, _mtu(step.mtu), _mac(step.mac))


def bridge(name: str, mac: str, mtu: int) -> bytes:
    """A bridge whose ports forward at once, and multicast to all."""
    data = _u32(BR_FORWARD_DELAY, 0) + _u32(BR_STP_STATE, 0) + _u8(BR_MCAST_SNOOPING, 0)
    return _made(name, "bridge", data, _mtu(mtu), _mac(mac))


def filtering(index: int) -> bytes:
    """Let a bridge know VLANs."""
    data = _attr(INFO_DATA, _u8(BR_VLAN_FILTERING, 1))
    return _link(index, _attr(IFLA_LINKINFO, _text(INFO_KIND, "bridge"), data))


def vlan(name: str, lower: int, vid: int) -> bytes:
    """The link of a VLAN on a link."""
    return _made(name, "vlan", _u16(VLAN_ID, vid), _u32(IFLA_LINK, lower))


def bridge_vlan(index: int, vid: int, *, own: bool) -> bytes:
    """Add a VLAN to a bridge's own port (`own`), or as the only untagged one to a port of it."""
    flags = _u16(BRIDGE_FLAGS, BRIDGE_FLAG_SELF) if own else b""
    info = struct.pack("=HH", 0 if own else VLAN_PVID_UNTAGGED, vid)
    spec = _attr(IFLA_AF_SPEC, flags, _attr(BRIDGE_VLAN_INFO, info))
    return _link(index, spec, kind=RTM_SETLINK, family=AF_BRIDGE)


def no_bridge_vlan(index: int, vid: int) -> bytes:
    """Take a VLAN away from a port."""
    spec = _attr(IFLA_AF_SPEC, _attr(BRIDGE_VLAN_INFO, struct.pack("=HH", 0, vid)))
    return _link(index, spec, kind=RTM_DELLINK, family=AF_BRIDGE)


def port(index: int, bridge_index: int) -> bytes:
    """Make a link a port."""
    return _link(index, _u32(IFLA_MASTER, bridge_index))


def port_options(index: int, step: Port) -> bytes:
    """What a port does; with a guard, no pod takes part in the spanning tree."""
    options = _attr(
        IFLA_PROTINFO | NESTED,
        _u8(PORT_GUARD, 1),
        _u8(PORT_HAIRPIN, int(step.hairpin)),
        _u8(PORT_ISOLATED, int(step.isolated)),
    )
    return _link(index, options, kind=RTM_SETLINK, family=AF_BRIDGE)


def up(index: int, *, on: bool = True) -> bytes:
    """Set a link up or down."""
    return _link(index, flags=(IFF_UP if on else 0, IFF_UP))


def promiscuous(index: int) -> bytes:
    """Let a link take every packet."""
    return _link(index, flags=(IFF_PROMISC, IFF_PROMISC))


def moved(index: int, name: str, netns: int) -> bytes:
    """Move a link to another namespace, under a name there."""
    return _link(index, _text(IFLA_IFNAME, name), _u32(IFLA_NET_NS_FD, netns))


def renamed(index: int, name: str) -> bytes:
    """Give a link another name."""
    return _link(index, _text(IFLA_IFNAME, name))


def changed(index: int, step: Change) -> bytes:
    """What a `Change` asks for."""
    flags = (IFF_PROMISC if step.promiscuous else 0) | (IFF_ALLMULTI if step.all_multicast else 0)
    queue = _u32(IFLA_TXQLEN, step.queue) if step.queue >= 0 else b""
    return _link(index, _mac(step.mac), _mtu(step.mtu), queue, flags=(flags, flags))


def restored(index: int, mac: str, mtu: int, queue: int, modes: int) -> bytes:
    """Give a link back what a pod may have changed of it; an empty `mac` stays."""
    flags = (modes, IFF_PROMISC | IFF_ALLMULTI)
    return _link(index, _mac(mac), _mtu(mtu), _u32(IFLA_TXQLEN, queue), flags=flags)


def address(index: int, ip: str, prefix: int, *, remove: bool = False) -> bytes:
    """Give a link an address with the route to its prefix, at once; or take it away."""
    family = AF_INET6 if ":" in ip else AF_INET
    raw = inet_pton(family, ip)
    head = struct.pack("=BBBBi", family, prefix, 0, 0, index)
    body = head + _attr(IFA_LOCAL, raw) + _attr(IFA_ADDRESS, raw)
    if remove:
        return _message(RTM_DELADDR, 0, body)
    nodad = _u32(IFA_FLAGS, IFA_F_NODAD) if family == AF_INET6 else b""
    return _message(RTM_NEWADDR, CREATE | REPLACE, body + nodad)


def rule_from(ip: str, table: int) -> bytes:
    """What is sent from an address goes by the routes of a table, before all others."""
    family = AF_INET6 if ":" in ip else AF_INET
    raw = inet_pton(family, ip)
    head = struct.pack("=BBBBBBBBI", family, 0, len(raw) * 8, 0, 0, 0, 0, RULE_TO_TABLE, 0)
    more = _u32(RULE_TABLE, table) + _u32(RULE_PRIORITY, table)
    return _message(RTM_NEWRULE, CREATE | EXCLUSIVE, head + _attr(RULE_SRC, raw) + more)


def shape(index: int, rate: int, burst: int) -> bytes:
    """A token bucket at a link's root (tc-tbf(8)), as large packets are cut to fit."""
    paced = struct.pack("=BBHhHI", 0, ETHERNET, 0, 0, 0, min(rate, MOST32))
    waiting = min(rate // LATENCY + burst, MOST32)
    parameters = _attr(TBF_PARMS, paced + bytes(12) + struct.pack("=III", waiting, burst, 0))
    large = _attr(TBF_RATE64, struct.pack("=Q", rate)) if rate > MOST32 else b""
    head = struct.pack("=BxHiIII", 0, 0, index, 0, TC_ROOT, 0)
    options = _attr(TCA_OPTIONS, parameters, _u32(TBF_BURST, burst), large)
    return _message(RTM_NEWQDISC, CREATE | REPLACE, head + _text(TCA_KIND, "tbf") + options)
