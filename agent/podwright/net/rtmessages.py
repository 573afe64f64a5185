# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink messages about addresses, routes, rules and neighbours, encoded here in full.

For the guest of a virtual machine, which has no library for it; what it is told stands in `nicplan`.
Attributes and numbers: rtnetlink(7), linux/rtnetlink.h, linux/fib_rules.h, linux/neighbour.h.
"""

from __future__ import annotations

import struct
from _socket import AF_INET, AF_INET6, inet_pton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.kvm.nicplan import NicAddress, NicRoute, NicRule

RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWRULE = 20, 21, 24, 28, 32
REQUEST_ACK, REPLACE, EXCLUSIVE, CREATE = 0x5, 0x100, 0x200, 0x400
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x2, 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC = 1, 4, 5, 6, 7
RTA_METRICS, RTA_TABLE, RTA_VIA = 8, 15, 18
RTAX_MTU, RTAX_ADVMSS = 2, 8
RTNH_F_ONLINK = 4
RULE_DST, RULE_SRC, RULE_PRIORITY, RULE_TABLE, RULE_TO_TABLE = 1, 2, 6, 15, 1
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80
UNSPECIFIED = 0
FAMILY = {4: AF_INET, 6: AF_INET6}


def _attr(kind: int, *data: bytes) -> bytes:
    body = b"".join(data)
    return struct.pack("=HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def _u32(kind: int, number: int) -> bytes:
    return _attr(kind, struct.pack("=I", number))


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST_ACK | flags, 1, 0) + body


def _raw(ip: str) -> tuple[int, bytes]:
    family = AF_INET6 if ":" in ip else AF_INET
    return family, inet_pton(family, ip)


def address(index: int, wanted: NicAddress) -> bytes:
    """An address, usable at once, without the routes that its prefix would bring."""
    family, raw = _raw(wanted.ip)
    head = struct.pack("=BBBBi", family, wanted.prefix, 0, wanted.scope, index)
    other = _raw(wanted.peer)[1] if wanted.peer else raw
    flags = IFA_F_NOPREFIXROUTE | (IFA_F_NODAD if family == AF_INET6 else 0)
    body = head + _attr(IFA_LOCAL, raw) + _attr(IFA_ADDRESS, other) + _u32(IFA_FLAGS, flags)
    return _message(RTM_NEWADDR, CREATE | REPLACE, body)


def no_address(index: int, wanted: NicAddress) -> bytes:
    """Take it away."""
    family, raw = _raw(wanted.ip)
    head = struct.pack("=BBBBi", family, wanted.prefix, 0, 0, index)
    other = _raw(wanted.peer)[1] if wanted.peer else raw
    return _message(RTM_DELADDR, 0, head + _attr(IFA_LOCAL, raw) + _attr(IFA_ADDRESS, other))


def route(index: int, wanted: NicRoute) -> bytes:
    """A route; `index` is that of its link, or 0."""
    dst, _, bits = wanted.dst.partition("/")
    family, raw = _raw(dst)
    table = wanted.table if wanted.table < 256 else UNSPECIFIED
    head = struct.pack(
        "=BBBBBBBBI",
        family,
        int(bits),
        0,
        0,
        table,
        wanted.protocol,
        wanted.scope,
        wanted.kind,
        RTNH_F_ONLINK if wanted.onlink else 0,
    )
    out = [head, _u32(RTA_TABLE, wanted.table)]
    if int(bits):
        out.append(_attr(RTA_DST, raw))
    if index:
        out.append(_u32(RTA_OIF, index))
    if wanted.gateway:
        out.append(_gateway(family, wanted.gateway))
    if wanted.source:
        out.append(_attr(RTA_PREFSRC, _raw(wanted.source)[1]))
    if wanted.metric:
        out.append(_u32(RTA_PRIORITY, wanted.metric))
    metrics = ((RTAX_MTU, wanted.mtu), (RTAX_ADVMSS, wanted.advmss))
    if wanted.mtu or wanted.advmss:
        out.append(_attr(RTA_METRICS, *(_u32(kind, found) for kind, found in metrics if found)))
    return _message(RTM_NEWROUTE, CREATE | REPLACE, b"".join(out))


def _gateway(family: int, ip: str) -> bytes:
    other, raw = _raw(ip)
    if other == family:
        return _attr(RTA_GATEWAY, raw)
    return _attr(RTA_VIA, struct.pack("=H", other), raw)


def rule(wanted: NicRule) -> bytes:
    """A rule of routing."""
    parts = []
    lengths = []
    for kind, net in ((RULE_DST, wanted.dst), (RULE_SRC, wanted.src)):
        ip, _, bits = net.partition("/")
        lengths.append(int(bits or 0))
        if net:
            parts.append(_attr(kind, _raw(ip)[1]))
    head = struct.pack("=BBBBBBBBI", FAMILY[wanted.family], *lengths, 0, 0, 0, 0, RULE_TO_TABLE, 0)
    more = _u32(RULE_TABLE, wanted.table) + _u32(RULE_PRIORITY, wanted.priority)
    return _message(RTM_NEWRULE, CREATE | EXCLUSIVE, head + b"".join(parts) + more)


def neighbour(index: int, ip: str, mac: str) -> bytes:
    """A neighbour whose MAC address is not asked for."""
    family, raw = _raw(ip)
    head = struct.pack("=BxxxiHBB", family, index, NUD_PERMANENT, 0, 0)
    hardware = bytes.fromhex(mac.replace(":", ""))
    return _message(
        RTM_NEWNEIGH, CREATE | REPLACE, head + _attr(NDA_DST, raw) + _attr(NDA_LLADDR, hardware)
    )
