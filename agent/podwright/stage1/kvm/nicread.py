# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the links of this network namespace have, in full, for a machine to have the same; nothing is changed here."""

from __future__ import annotations

import struct
from _socket import AF_INET, AF_INET6, inet_ntop

from podwright.kernel import rtlook, sysctl
from podwright.kernel.netlink import attributes
from podwright.net import rtmessages
from podwright.stage1.kvm.nicplan import NicAddress, NicPlan, NicPlans, NicRoute, NicRule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podwright.kernel.rtlook import Link

RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE = 22, 26, 30, 34
BITS = {AF_INET: 32, AF_INET6: 128}
NUMBER = {AF_INET: 4, AF_INET6: 6}
TABLE_LOCAL = 255
BUILT_IN = (0, 32766, 32767)
"""Priorities of the rules that every namespace has."""
SCOPE_LINK, LINK_LOCAL = 253, 0xFE80
UNICAST = 1
KINDS = (UNICAST, 6, 7, 8)
"""Types of routes that are made again: also blackhole, unreachable, prohibit."""
CLONED = 0x200
PROMISCUOUS, ALL_MULTICAST = 0x100, 0x200


def read(hardware: Mapping[str, str], settings: tuple[tuple[str, str], ...] = ()) -> NicPlans:
    """What there is. `hardware`: names of links -> the MAC addresses of the machine's devices."""
    links = {one.name: one for one in rtlook.links() if one.name in hardware}
    names = {one.index: name for name, one in links.items()}
    addresses = list(_addresses())
    neighbours = list(_neighbours())
    nics = tuple(
        _nic(
            links[name],
            mac,
            tuple(found for index, found in addresses if index == links[name].index),
            tuple(found for index, found in neighbours if index == links[name].index),
        )
        for name, mac in hardware.items()
    )
    return NicPlans(nics, tuple(_routes(names)), tuple(_rules()), settings)


def _nic(
    link: Link,
    hardware: str,
    addresses: tuple[NicAddress, ...],
    neighbours: tuple[tuple[str, str], ...],
) -> NicPlan:
    return NicPlan(
        link.name,
        hardware,
        link.mac,
        link.mtu,
        link.queue,
        bool(link.modes & PROMISCUOUS),
        bool(link.modes & ALL_MULTICAST),
        sysctl.read(f"net/ipv6/conf/{link.name}/disable_ipv6") == "0",
        addresses,
        neighbours,
    )


def _addresses() -> Iterator[tuple[int, NicAddress]]:
    """(index of its link, address), without those that a kernel makes itself."""
    for _, body in rtlook.ask(RTM_GETADDR, rtlook.NLM_F_DUMP, bytes(8)):
        family, prefix, _, scope, index = struct.unpack_from("=BBBBi", body)
        if family not in BITS or (family == AF_INET6 and scope == SCOPE_LINK):
            continue
        had = attributes(body[8:])
        other = had.get(rtmessages.IFA_ADDRESS, b"")
        raw = had.get(rtmessages.IFA_LOCAL) or other
        peer = inet_ntop(family, other) if other and other != raw else ""
        yield index, NicAddress(inet_ntop(family, raw), prefix, scope, peer)


def _neighbours() -> Iterator[tuple[int, tuple[str, str]]]:
    for _, body in rtlook.ask(RTM_GETNEIGH, rtlook.NLM_F_DUMP, bytes(12)):
        family, index, state = struct.unpack_from("=BxxxiH", body)
        had = attributes(body[12:])
        raw, mac = (had.get(kind, b"") for kind in (rtmessages.NDA_DST, rtmessages.NDA_LLADDR))
        if family in BITS and state == rtmessages.NUD_PERMANENT and raw and len(mac) == 6:
            yield index, (inet_ntop(family, raw), ":".join(f"{byte:02x}" for byte in mac))


def _routes(names: Mapping[int, str]) -> Iterator[NicRoute]:
    """Those of the links of these indexes, and those that lead nowhere."""
    for family in BITS:
        question = struct.pack("=B11x", family)
        for _, body in rtlook.ask(RTM_GETROUTE, rtlook.NLM_F_DUMP, question):
            bits, table, protocol, scope, kind = struct.unpack_from("=xBxxBBBB", body)
            flags = struct.unpack_from("=I", body, 8)[0]
            had = attributes(body[12:])
            table = _u32(had, rtmessages.RTA_TABLE) or table
            index = _u32(had, rtmessages.RTA_OIF)
            device = names.get(index, "") if kind == UNICAST else ""
            skipped = table == TABLE_LOCAL or kind not in KINDS or flags & CLONED
            if skipped or (kind == UNICAST and not device) or _own(family, had):
                continue
            yield NicRoute(
                _dst(family, had, bits),
                device,
                _gateway(family, had),
                _ip(family, had, rtmessages.RTA_PREFSRC),
                table,
                kind,
                scope,
                protocol,
                _u32(had, rtmessages.RTA_PRIORITY),
                *_metrics(had),
                bool(flags & rtmessages.RTNH_F_ONLINK),
            )


def _own(family: int, had: Mapping[int, bytes]) -> bool:
    """Whether it leads to the neighbours by link-local addresses, which every link has (fe80::/64)."""
    raw = had.get(rtmessages.RTA_DST, b"")
    return family == AF_INET6 and raw[:2] == LINK_LOCAL.to_bytes(2, "big")


def _dst(family: int, had: Mapping[int, bytes], bits: int) -> str:
    raw = had.get(rtmessages.RTA_DST, bytes(BITS[family] // 8))
    return f"{inet_ntop(family, raw)}/{bits}"


def _gateway(family: int, had: Mapping[int, bytes]) -> str:
    via = had.get(rtmessages.RTA_VIA, b"")
    if via:
        return inet_ntop(struct.unpack_from("=H", via)[0], via[2:])
    return _ip(family, had, rtmessages.RTA_GATEWAY)


def _ip(family: int, had: Mapping[int, bytes], kind: int) -> str:
    return inet_ntop(family, had[kind]) if kind in had else ""


def _metrics(had: Mapping[int, bytes]) -> tuple[int, int]:
    found = attributes(had.get(rtmessages.RTA_METRICS, b""))
    return _u32(found, rtmessages.RTAX_MTU), _u32(found, rtmessages.RTAX_ADVMSS)


def _u32(had: Mapping[int, bytes], kind: int) -> int:
    found: int = struct.unpack("=I", had.get(kind, bytes(4)))[0]
    return found


def _rules() -> Iterator[NicRule]:
    for family in BITS:
        question = struct.pack("=B11x", family)
        for _, body in rtlook.ask(RTM_GETRULE, rtlook.NLM_F_DUMP, question):
            dst, src, table, action = struct.unpack_from("=xBBxBxxB", body)
            had = attributes(body[12:])
            priority = _u32(had, rtmessages.RULE_PRIORITY)
            if priority in BUILT_IN or action != rtmessages.RULE_TO_TABLE:
                continue
            yield NicRule(
                priority,
                _u32(had, rtmessages.RULE_TABLE) or table,
                _net(family, had, rtmessages.RULE_SRC, src),
                _net(family, had, rtmessages.RULE_DST, dst),
                NUMBER[family],
            )


def _net(family: int, had: Mapping[int, bytes], kind: int, bits: int) -> str:
    return f"{_ip(family, had, kind)}/{bits}" if kind in had else ""
