# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is in the chains of an nftables table, asked of the kernel itself: some 0.1 ms.

Source: linux/netfilter/nf_tables.h. The kernel counts what uses a chain: its rules, and the jumps
to it. A chain that was flushed is still there, and so are sets with their elements.
"""

from __future__ import annotations

import struct
from _socket import socket as Socket

from podwright.kernel.netlink import attributes, messages

AF_NETLINK, NETLINK_NETFILTER = 16, 12
SOCK_RAW_CLOEXEC = 3 | 0o2000000
DUMP = 0x1 | 0x300
"""NLM_F_REQUEST and NLM_F_DUMP."""
GET_CHAIN = 10 << 8 | 4
TABLE, NAME, USE = 1, 3, 6
"""NFTA_CHAIN_TABLE and others."""
FAMILIES = {"inet": 1, "netdev": 5, "bridge": 7}


def chains(table: str) -> dict[str, int]:
    """Name of each chain -> what uses it, of a table as `inet NAME`; {} when it is not there. Raises OSError."""
    family, _, name = table.partition(" ")
    wanted = name.encode() + b"\0"
    out: dict[str, int] = {}
    for body in _dump(FAMILIES[family]):
        had = attributes(body)
        if had.get(TABLE) == wanted:
            (uses,) = struct.unpack(">I", had.get(USE, bytes(4)))
            out[had[NAME].rstrip(b"\0").decode(errors="replace")] = uses
    return out


def _dump(family: int) -> list[bytes]:
    """What follows the header in the answer for each chain of a family."""
    out: list[bytes] = []
    control = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER)
    try:
        control.send(struct.pack("=IHHIIBBH", 20, GET_CHAIN, DUMP, 1, 0, family, 0, 0))
        while True:
            for answer in messages(control.recv(1 << 16)):
                if answer is None:
                    return out
                out.append(answer[1][4:])
    finally:
        control.close()
