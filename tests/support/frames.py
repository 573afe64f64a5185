# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethernet frames as an attacker would write them: any source, any claim (RFC 826, 791, 8200, 4861, 2131)."""

from __future__ import annotations

import socket
import struct

EVERYBODY = "ff:ff:ff:ff:ff:ff"
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
UDP, ICMP6 = 17, 58


def mac(text: str) -> bytes:
    """A hardware address as bytes."""
    return bytes.fromhex(text.replace(":", ""))


def ip(text: str) -> bytes:
    """An address of either family as bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def ethernet(source: str, target: str, kind: int, body: bytes) -> bytes:
    """A frame."""
    return mac(target) + mac(source) + struct.pack("!H", kind) + body


def arp_claim(sender: str, claimed: str, to_mac: str = EVERYBODY, to_ip: str = "") -> bytes:
    """`claimed` is at `sender`, as an answer that nobody has asked for; without `to_ip` gratuitous."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2)
    body += mac(sender) + ip(claimed) + mac(to_mac) + ip(to_ip or claimed)
    return ethernet(sender, to_mac, 0x0806, body)


def udp(
    source_mac: str, target_mac: str, source: str, target: str, ports: tuple[int, int], data: bytes
) -> bytes:
    """A datagram of either family."""
    body = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
    if ":" not in source:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, UDP, 0)
        head += ip(source) + ip(target)
        head = head[:10] + _sum(head) + head[12:]
        return ethernet(source_mac, target_mac, 0x0800, head + body)
    check = _sum(ip(source) + ip(target) + struct.pack("!II", len(body), UDP) + body)
    return _ip6(source_mac, target_mac, source, target, UDP, body[:6] + check + body[8:])


def advertisement(
    sender: str, source: str, claimed: str, target: str = ALL_NODES, target_mac: str = ALL_NODES_MAC
) -> bytes:
    """A neighbour advertisement: `claimed` is at `sender`, and that overrides what was known."""
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ip(claimed) + b"\x02\x01" + mac(sender)
    return _icmp6(sender, target_mac, source, target, body)


def router(sender: str, source: str, prefix: str) -> bytes:
    """A router advertisement to everybody: a default router, and a prefix of its own."""
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1800, 1800, 0) + ip(prefix)
    return _icmp6(sender, ALL_NODES_MAC, source, ALL_NODES, body + b"\x01\x01" + mac(sender))


def _icmp6(sender: str, target_mac: str, source: str, target: str, body: bytes) -> bytes:
    check = _sum(ip(source) + ip(target) + struct.pack("!II", len(body), ICMP6) + body)
    return _ip6(sender, target_mac, source, target, ICMP6, body[:2] + check + body[4:])


def _ip6(
    sender: str, target_mac: str, source: str, target: str, protocol: int, body: bytes
) -> bytes:
    head = struct.pack("!IHBB", 0x60000000, len(body), protocol, 255) + ip(source) + ip(target)
    return ethernet(sender, target_mac, 0x86DD, head + body)


def _sum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF or 0xFFFF)
