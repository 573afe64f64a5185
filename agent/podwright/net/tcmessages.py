# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink messages about what becomes of the packets that a link receives (tc(8)).

Numbers: linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h.
"""

from __future__ import annotations

import struct

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

RTM_NEWQDISC, RTM_NEWTFILTER = 36, 44
REQUEST_ACK, EXCLUSIVE, CREATE = 0x5, 0x200, 0x400
INGRESS, HANDLE = 0xFFFFFFF1, 0xFFFF0000
TCA_KIND, TCA_OPTIONS = 1, 2
U32_SEL, U32_ACT, MATCHALL_ACT = 5, 7, 2
TERMINAL = 1
ACT_KIND, ACT_OPTIONS, PARMS = 1, 2, 2
PASS, STOLEN = 0, 4
REDIRECT, MIRROR = 1, 2
ALL, IPV4, ARP, VLAN, IPV6, STACKED = 0x3, 0x800, 0x806, 0x8100, 0x86DD, 0x88A8
U32, MATCHALL = "u32", "matchall"


@value
class Match:
    """Four bytes, of a packet's network header on (negative: before it), that must be so under a mask."""

    offset: int
    found: int
    mask: int = 0xFFFFFFFF


@value
class Action:
    """What happens to a packet: it is sent by another link, and is gone (REDIRECT) or not (MIRROR)."""

    code: int
    how: int
    index: int


def redirect(index: int) -> Action:
    """It is sent by another link, and is gone."""
    return Action(STOLEN, REDIRECT, index)


def mirror(index: int) -> Action:
    """It is sent by another link, too."""
    return Action(PASS, MIRROR, index)


def _attr(kind: int, *data: bytes) -> bytes:
    body = b"".join(data)
    return struct.pack("=HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def _text(kind: int, text: str) -> bytes:
    return _attr(kind, text.encode() + b"\0")


def _message(kind: int, body: bytes) -> bytes:
    flags = REQUEST_ACK | CREATE | EXCLUSIVE
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def ingress(index: int) -> bytes:
    """Let a link have filters for what it receives."""
    head = struct.pack("=BxHiIII", 0, 0, index, HANDLE, INGRESS, 0)
    return _message(RTM_NEWQDISC, head + _text(TCA_KIND, "ingress"))


def filter(
    index: int,
    place: int,
    action: Optional[Action],
    protocol: int = ALL,
    matches: tuple[Match, ...] = (),
    kind: str = U32,
) -> bytes:
    """A filter of a link; those of lower places come first. MATCHALL takes no matches.

    action  None: the packet is this namespace's own
    """
    swapped = int.from_bytes(protocol.to_bytes(2, "big"), "little")
    info = place << 16 | (swapped if struct.pack("=H", 1)[0] else protocol)
    head = struct.pack("=BxHiIII", 0, 0, index, 0, HANDLE, info)
    options = b"" if kind == MATCHALL else _attr(U32_SEL, _selector(matches))
    if action is not None:
        options += _attr(MATCHALL_ACT if kind == MATCHALL else U32_ACT, _acts(action))
    return _message(RTM_NEWTFILTER, head + _text(TCA_KIND, kind) + _attr(TCA_OPTIONS, options))


def _selector(matches: tuple[Match, ...]) -> bytes:
    keys = b"".join(
        struct.pack("!II", one.mask, one.found & one.mask) + struct.pack("=ii", one.offset, 0)
        for one in matches
    )
    return struct.pack("=BBBxHHhhI", TERMINAL, 0, len(matches), 0, 0, 0, 0, 0) + keys


def _acts(action: Action) -> bytes:
    parameters = struct.pack("=IIiiiiI", 0, 0, action.code, 0, 0, action.how, action.index)
    return _attr(1, _text(ACT_KIND, "mirred"), _attr(ACT_OPTIONS, _attr(PARMS, parameters)))
