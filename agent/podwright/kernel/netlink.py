# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the kernel answers over netlink (netlink(7)): messages of a block, attributes of a message."""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

NLMSG_ERROR, NLMSG_DONE = 2, 3
TYPE = 0x3FFF
"""Of an attribute's kind; the rest says how it is written."""


def messages(block: bytes) -> Iterator[Optional[tuple[int, bytes]]]:
    """(type, body) of each message of a block; None at the end of a dump. Raises OSError for an error."""
    at = 0
    while at + 16 <= len(block):
        length, kind = struct.unpack_from("=IH", block, at)
        if kind == NLMSG_DONE:
            yield None
            return
        if kind == NLMSG_ERROR:
            code = -struct.unpack_from("=i", block, at + 16)[0]
            raise OSError(code, os.strerror(code))
        yield kind, block[at + 16 : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """Kind of an attribute -> its content; the last one of each kind."""
    out: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            break
        out[kind & TYPE] = data[at + 4 : at + size]
        at += (size + 3) & ~3
    return out
