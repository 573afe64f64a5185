# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel remembers of connections (linux/netfilter/nfnetlink_conntrack.h): forget some.

What a connection's first packet was allowed, and where it leads, holds for all that come later. So
when an address or a port begins or ends to be a pod's, what is remembered of it must go.

Since Linux 6.11 the kernel picks entries itself, one request for each criterion: 0.04 ms with few
entries, 1 ms for each 1000. Before, all has to be listed, 20 ms even when the table is almost empty.
So it has for IPv6 addresses: kernels (seen in 6.18) pick every entry that does not have the address.
"""

from __future__ import annotations

import struct
from _socket import AF_INET, AF_INET6, inet_pton
from _socket import socket as Socket

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    Criterion = tuple[int, int, int, bytes]
    """Family, attribute of the tuple, flags of what in it counts, and its content."""

AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER = 16, 3 | 0o2000000, 12
SUBSYSTEM = 1 << 8
GET, DELETE, GET_STATS = SUBSYSTEM | 1, SUBSYSTEM | 2, SUBSYSTEM | 5
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TUPLE_ORIG, TUPLE_REPLY, ID, ZONE, FILTER = 1, 2, 12, 18, 25
TUPLE_IP, TUPLE_PROTO, NESTED = 1, 2, 0x8000
FILTER_ORIG, FILTER_REPLY = 1, 2
FILTER_SOURCE, FILTER_PROTO, FILTER_DST_PORT = 1, 8, 32
PROTO_NUMBER, DST_PORT = 1, 3
SOURCE = {AF_INET: 1, AF_INET6: 3}
MASK = 0x3FFF
"""Of an attribute's type, without the flags for nesting and byte order."""
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}
AF_UNSPEC, FAMILIES = 0, (AF_INET, AF_INET6)
ENOENT = 2
MANY = 8
"""Ports beyond which one listing is the cheaper way."""


def forget(
    ports: Collection[tuple[str, int]], addresses: Collection[str], *, listing: bool = True
) -> None:
    """Forget the connections that called one of these (protocol, port), from or to these addresses.

    Which is what has one of them as a source, of the packets that called or of those that answer.

    listing  False: not those of addresses, where everything would have to be listed for it
    A kernel that follows no connections has none. Raises OSError.
    """
    try:
        netlink = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER)
    except OSError:
        return
    try:
        netlink.bind((0, 0))
        if not _count(netlink):
            return
        if len(ports) <= MANY and all(_forget_all(netlink, one) for one in _called_ports(ports)):
            ports = ()
        six = [one for one in addresses if ":" in one]
        four = [one for one in addresses if ":" not in one]
        if all(_forget_all(netlink, one) for one in _sent_from(four)):
            addresses = six
        if not listing:
            addresses = ()
        if ports or addresses:
            _forget_listed(netlink, ports, addresses)
    finally:
        netlink.close()


def _sent_from(addresses: Collection[str]) -> Iterator[Criterion]:
    for family, packed in map(_packed, addresses):
        content = _nest(TUPLE_IP, _attribute(SOURCE[family], packed))
        yield family, TUPLE_ORIG, FILTER_SOURCE, content
        yield family, TUPLE_REPLY, FILTER_SOURCE, content


def _called_ports(ports: Collection[tuple[str, int]]) -> Iterator[Criterion]:
    for proto, port in ports:
        number = _attribute(PROTO_NUMBER, bytes((NUMBERS[proto],)))
        content = _nest(TUPLE_PROTO, number + _attribute(DST_PORT, port.to_bytes(2, "big")))
        for family in FAMILIES:
            yield family, TUPLE_ORIG, FILTER_PROTO | FILTER_DST_PORT, content


def _packed(address: str) -> tuple[int, bytes]:
    family = AF_INET6 if ":" in address else AF_INET
    return family, inet_pton(family, address)


def _attribute(kind: int, content: bytes) -> bytes:
    whole = struct.pack("=HH", 4 + len(content), kind) + content
    return whole + bytes(-len(whole) % 4)


def _nest(kind: int, content: bytes) -> bytes:
    return _attribute(kind | NESTED, content)


def _message(kind: int, flags: int, family: int, attributes: bytes) -> bytes:
    body = struct.pack("=BBH", family, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def _count(netlink: Socket) -> int:
    """How many entries there are in this network namespace; 1 when that is not known."""
    netlink.send(_message(GET_STATS, 0, AF_UNSPEC, b""))
    block = netlink.recv(65536)
    if struct.unpack_from("=H", block, 4)[0] == NLMSG_ERROR:
        return 1
    return int.from_bytes(next(_attributes(block[20:]))[1], "big")


def _forget_all(netlink: Socket, criterion: Criterion) -> bool:
    """Forget all that meet it; False when this kernel cannot.

    It then looks for the one entry with this tuple, and refuses, as the tuple is not complete.
    """
    family, kind, flags, content = criterion
    which = FILTER_ORIG if kind == TUPLE_ORIG else FILTER_REPLY
    wanted = _nest(FILTER, _attribute(which, struct.pack("=I", flags)))
    step("conntrack")
    netlink.send(_message(DELETE, NLM_F_ACK, family, _nest(kind, content) + wanted))
    return _code(netlink) == 0


def _code(netlink: Socket) -> int:
    return -int(struct.unpack_from("=i", netlink.recv(65536), 16)[0])


def _forget_listed(
    netlink: Socket, ports: Collection[tuple[str, int]], addresses: Collection[str]
) -> None:
    called = {(NUMBERS[proto], port) for proto, port in ports}
    sources = {packed for _, packed in map(_packed, addresses)}
    for family, attributes in _dump(netlink):
        if _called(attributes) in called or _sources(attributes) & sources:
            _delete(netlink, family, attributes)


def _dump(netlink: Socket) -> list[tuple[int, bytes]]:
    """Every entry: its family and attributes."""
    out: list[tuple[int, bytes]] = []
    netlink.send(_message(GET, NLM_F_DUMP, AF_UNSPEC, b""))
    while True:
        block = netlink.recv(1 << 20)
        at = 0
        while at + 16 <= len(block):
            size, kind = struct.unpack_from("=IH", block, at)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return out
            out.append((block[at + 16], block[at + 20 : at + size]))
            at += size + 3 & ~3


def _attributes(block: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Type, content, and the whole attribute as it stands."""
    at = 0
    while at + 4 <= len(block):
        size, kind = struct.unpack_from("=HH", block, at)
        yield kind & MASK, block[at + 4 : at + size], block[at : at + (size + 3 & ~3)]
        at += max(size + 3 & ~3, 4)


def _inside(block: bytes, *path: int) -> bytes:
    """The content of an attribute within attributes; empty where it is not there."""
    for wanted in path:
        block = next((content for kind, content, _ in _attributes(block) if kind == wanted), b"")
    return block


def _called(attributes: bytes) -> tuple[int, int]:
    """Protocol and port that the first packet was for; zeros where there are none."""
    number = _inside(attributes, TUPLE_ORIG, TUPLE_PROTO, PROTO_NUMBER) or b"\0"
    port = _inside(attributes, TUPLE_ORIG, TUPLE_PROTO, DST_PORT)
    return number[0], int.from_bytes(port, "big")


def _sources(attributes: bytes) -> set[bytes]:
    """Where packets of it come from, in both directions."""
    return {
        _inside(attributes, which, TUPLE_IP, source)
        for which in (TUPLE_ORIG, TUPLE_REPLY)
        for source in SOURCE.values()
    }


def _delete(netlink: Socket, family: int, attributes: bytes) -> None:
    """Forget one; it may have gone meanwhile."""
    if family not in FAMILIES:
        return
    kept = b"".join(
        whole for kind, _, whole in _attributes(attributes) if kind in (TUPLE_ORIG, ID, ZONE)
    )
    step("conntrack")
    netlink.send(_message(DELETE, NLM_F_ACK, family, kept))
    code = _code(netlink)
    if code not in (0, ENOENT):
        raise OSError(code, "conntrack entry")
