# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What route netlink tells about this namespace's links, addresses and routes; nothing is changed here."""

from __future__ import annotations

import struct
from _socket import AF_INET, AF_INET6, if_indextoname, inet_ntop, inet_pton
from _socket import socket as Socket

from podwright.kernel.netlink import attributes, messages
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

AF_NETLINK = 16
SOCK_RAW_CLOEXEC = 3 | 0o2000000
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
IFF_UP = 1
MODES = 0x100 | 0x200
"""IFF_PROMISC and IFF_ALLMULTI."""
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_TXQLEN, IFLA_LINKINFO = 1, 3, 4, 10, 13, 18
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_BR_VLAN_FILTERING = 1, 2, 7
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_PERMANENT = 0x80
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_TABLE, RTA_VIA = 1, 4, 5, 15, 18
RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH = 0x1000, 0x2000
RTN_UNICAST, RTN_LOCAL = 1, 2
RTPROT_KERNEL = 2
RTF_UP = 1
BUFFER, SMALL = 1 << 18, 1 << 14
NO_ROUTE = (101, 113, 3)
"""ENETUNREACH, EHOSTUNREACH, ESRCH."""


@value
class Link:
    """A link.

    kind     such as bridge; "" for a device
    master   index of the link it is a port of, or 0
    filters  of a bridge: it knows VLANs
    modes    its flags MODES, as they were asked for
    queue    length of its queue, in packets
    """

    index: int
    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    master: int
    filters: bool = False
    modes: int = 0
    queue: int = 0


@value
class Here:
    """An address of a link; `permanent`: somebody gave it, and it does not run out."""

    ip: str
    prefix: int
    permanent: bool


@value
class Match:
    """The route that packets to an address take.

    prefix   length of its destination's prefix
    local    the address is this host's own
    near     the address is of the network of one of the link's addresses
    """

    link: str
    prefix: int
    local: bool
    near: bool


def link(name: str) -> Optional[Link]:
    """The link of this name, or None."""
    text = name.encode() + b"\0"
    wanted = struct.pack("=HH", 4 + len(text), IFLA_IFNAME) + text + bytes(-len(text) % 4)
    try:
        return next((_link(body) for _, body in ask(RTM_GETLINK, 0, bytes(16) + wanted)), None)
    except OSError as err:
        if err.errno == 19:  # ENODEV
            return None
        raise


def links() -> list[Link]:
    """All links."""
    return [_link(body) for _, body in ask(RTM_GETLINK, NLM_F_DUMP, bytes(16))]


def addresses(index: int) -> list[Here]:
    """The addresses of a link, without those that the kernel made itself (fe80::)."""
    return every_address().get(index, [])


def every_address() -> dict[int, list[Here]]:
    """Index of a link -> its addresses, without those that the kernel made itself (fe80::)."""
    out: dict[int, list[Here]] = {}
    for _, body in ask(RTM_GETADDR, NLM_F_DUMP, bytes(8)):
        family, prefix, flags, scope, found = struct.unpack_from("=BBBBi", body)
        if family == AF_INET6 and scope == 253:
            continue
        had = attributes(body[8:])
        raw = had.get(IFA_LOCAL) or had.get(IFA_ADDRESS, b"")
        flags = struct.unpack("=I", had[IFA_FLAGS])[0] if IFA_FLAGS in had else flags
        if family in (AF_INET, AF_INET6):
            here = Here(inet_ntop(family, raw), prefix, bool(flags & IFA_F_PERMANENT))
            out.setdefault(found, []).append(here)
    return out


def routes(without: range = range(0)) -> list[tuple[int, str]]:
    """(index of a link, `ADDRESS/PREFIX`) of every route of both families that leads over a link.

    without   numbers of tables that are not looked at
    """
    out = []
    for family in (AF_INET, AF_INET6):
        for _, body in ask(RTM_GETROUTE, NLM_F_DUMP, struct.pack("=B11x", family)):
            had = attributes(body[12:])
            table = struct.unpack("=I", had.get(RTA_TABLE, bytes(4)))[0]
            if RTA_OIF in had and table not in without:
                dst = had.get(RTA_DST, bytes(4 if family == AF_INET else 16))
                out.append(
                    (struct.unpack("=i", had[RTA_OIF])[0], f"{inet_ntop(family, dst)}/{body[1]}")
                )
    return out


def route_to(ip: str) -> Optional[Match]:
    """The route that packets to an address take now, or None."""
    family = AF_INET6 if ":" in ip else AF_INET
    raw = inet_pton(family, ip)
    head = struct.pack("=BBBBBBBBI", family, len(raw) * 8, 0, 0, 0, 0, 0, 0, RTM_F_FIB_MATCH)
    wanted = struct.pack("=HH", 4 + len(raw), RTA_DST) + raw
    try:
        for _, body in ask(RTM_GETROUTE, 0, head + wanted):
            return _match(body)
    except OSError as err:
        if err.errno not in NO_ROUTE:
            raise
    return None


def _match(body: bytes) -> Optional[Match]:
    prefix, protocol, kind = body[1], body[5], body[7]
    had = attributes(body[12:])
    if kind not in (RTN_UNICAST, RTN_LOCAL) or RTA_OIF not in had:
        return None
    made = protocol == RTPROT_KERNEL and RTA_GATEWAY not in had and RTA_VIA not in had
    near = kind == RTN_UNICAST and made
    return Match(_name(struct.unpack("=I", had[RTA_OIF])[0]), prefix, kind == RTN_LOCAL, near)


def _name(index: int) -> str:
    try:
        return if_indextoname(index)
    except OSError:
        return ""  # it has just gone


def default_link() -> str:
    """The link of the default route, of IPv4 or else of IPv6; "" when there is none."""
    best: list[tuple[int, str]] = []
    for line in _lines("/proc/self/net/route")[1:]:
        name, dst, _, flags, _, _, metric, mask = line.split()[:8]
        if dst == mask == "00000000" and int(flags, 16) & RTF_UP:
            best.append((int(metric), name))
    for line in () if best else _lines("/proc/self/net/ipv6_route"):
        dst, prefix, _, _, _, metric, _, _, flags, name = line.split()[:10]
        if prefix == "00" and not dst.strip("0") and name != "lo" and int(flags, 16) & RTF_UP:
            best.append((int(metric, 16), name))
    return min(best)[1] if best else ""


def _lines(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return file.read().decode().splitlines()
    except FileNotFoundError:
        return []


def _link(body: bytes) -> Link:
    index, flags = struct.unpack_from("=iI", body, 4)
    had = attributes(body[16:])
    info = attributes(had.get(IFLA_LINKINFO, b""))
    data = attributes(info.get(IFLA_INFO_DATA, b""))
    kinds = (IFLA_MTU, IFLA_MASTER, IFLA_TXQLEN)
    mtu, master, queue = (struct.unpack("=I", had.get(kind, bytes(4)))[0] for kind in kinds)
    return Link(
        index,
        had.get(IFLA_IFNAME, b"").rstrip(b"\0").decode(errors="replace"),
        info.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode(errors="replace"),
        ":".join(f"{byte:02x}" for byte in had.get(IFLA_ADDRESS, b"")),
        mtu,
        bool(flags & IFF_UP),
        master,
        data.get(IFLA_BR_VLAN_FILTERING, b"\0") == b"\1",
        flags & MODES,
        queue,
    )


def ask(kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """Send a request; (type, body) of each answer. Raises OSError."""
    size = 16 + len(body)
    header = struct.pack("=IHHII", size, kind, NLM_F_REQUEST | flags, 1, 0)
    control = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0)
    try:
        control.send(header + body)
        going = True
        while going:
            going = bool(flags & NLM_F_DUMP)
            for answer in messages(control.recv(BUFFER if going else SMALL)):
                if answer is None:
                    return
                yield answer
    finally:
        control.close()
