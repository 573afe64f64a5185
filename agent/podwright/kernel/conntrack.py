# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel remembers of connections (linux/netfilter/nfnetlink_conntrack.h): forget some.

Where a packet of a connection without handshakes leads is decided by its first packet, and
remembered as long as more come. When a port begins or ends to lead to a pod, this must go.
"""

from __future__ import annotations

import struct
from _socket import socket as Socket

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER = 16, 3 | 0o2000000, 12
SUBSYSTEM = 1 << 8
GET, DELETE = SUBSYSTEM | 1, SUBSYSTEM | 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
TUPLE_ORIG, TUPLE_PROTO, ID, ZONE = 1, 2, 12, 18
PROTO_NUMBER, DST_PORT = 1, 3
MASK = 0x3FFF
"""Of an attribute's type, without the flags for nesting and byte order."""
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}
AF_UNSPEC, FAMILIES = 0, (2, 10)
ENOENT = 2


def forget(ports: Collection[tuple[str, int]]) -> int:
    """Forget the connections that called one of these (protocol, port); how many there were.

    A kernel that follows no connections has none. Raises OSError.
    """
    wanted = {(NUMBERS[proto], port) for proto, port in ports}
    try:
        netlink = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER)
    except OSError:
        return 0
    try:
        netlink.bind((0, 0))
        found = [entry for entry in _dump(netlink) if _called(entry[1]) in wanted]
        return sum(_delete(netlink, family, attributes) for family, attributes in found)
    finally:
        netlink.close()


def _message(kind: int, flags: int, family: int, attributes: bytes) -> bytes:
    body = struct.pack("=BBH", family, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


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


def _called(attributes: bytes) -> tuple[int, int]:
    """Protocol and port that the first packet was for; zeros where there are none."""
    inner = {kind: content for kind, content, _ in _attributes(attributes)}
    parts = {kind: content for kind, content, _ in _attributes(inner.get(TUPLE_ORIG, b""))}
    proto = {kind: content for kind, content, _ in _attributes(parts.get(TUPLE_PROTO, b""))}
    number, port = proto.get(PROTO_NUMBER, b"\0"), proto.get(DST_PORT, b"\0\0")
    return number[0], int.from_bytes(port, "big")


def _delete(netlink: Socket, family: int, attributes: bytes) -> bool:
    """Forget one; False when it has gone meanwhile."""
    if family not in FAMILIES:
        return False
    kept = b"".join(
        whole for kind, _, whole in _attributes(attributes) if kind in (TUPLE_ORIG, ID, ZONE)
    )
    step("conntrack")
    netlink.send(_message(DELETE, NLM_F_ACK, family, kept))
    code = -int(struct.unpack_from("=i", netlink.recv(65536), 16)[0])
    if code not in (0, ENOENT):
        raise OSError(code, "conntrack entry")
    return code == 0
