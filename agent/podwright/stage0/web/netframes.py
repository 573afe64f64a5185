# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent and its network process say to each other, on one stream for each request.

    agent → process    request (JSON), body
    process → agent    head (JSON), data..., end (JSON)    or at any point: error (JSON)

A frame is its kind (one byte), its length (four, big-endian), and that many bytes. Each side
refuses kinds out of order and lengths over the limit.
"""

from __future__ import annotations

import struct

from podwright import jsonio
from podwright.errors import FetchError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

REQUEST, BODY, HEAD, DATA, END, ERROR = b"R", b"B", b"H", b"D", b"E", b"X"
DATA_BYTES = 256 * 1024
SMALL_BYTES = 256 * 1024
BODY_BYTES = 64 * 1024 * 1024
_FRAME = struct.Struct(">cI")


def small(kind: bytes, content: Any) -> bytes:
    """A frame of JSON."""
    data = jsonio.dumps(content).encode("utf-8", "backslashreplace")
    return framed(kind, data)


def framed(kind: bytes, *parts: bytes) -> bytes:
    """A frame of the parts."""
    return b"".join((_FRAME.pack(kind, sum(map(len, parts))), *parts))


def head(stream: BinaryIO, allowed: dict[bytes, int]) -> tuple[bytes, int]:
    """(kind, length) of the next frame; `allowed` has the kinds that may come and their limits."""
    kind, length = _FRAME.unpack(exactly(stream, _FRAME.size))
    if length > allowed.get(kind, -1):
        raise disorder()
    return kind, length


def exactly(stream: BinaryIO, length: int) -> bytes:
    """That many bytes. Raises FetchError when the other side ends before."""
    try:
        data = stream.read(length)
    except TimeoutError:
        raise broken("does not answer in time", "time-cap") from None
    except OSError:
        data = b""
    if len(data) != length:
        raise broken("ended unexpectedly")
    return data


def content(stream: BinaryIO, length: int) -> Any:
    """The JSON of a frame."""
    data = exactly(stream, length)
    try:
        return jsonio.loads(data, "network process")
    except UsageError:
        raise disorder() from None


def disorder() -> FetchError:
    """The error for an answer that is not of the form or the types that it must have."""
    return broken("gives an answer that is not in order", "bad-answer")


def broken(what: str, reason: str = "network-process") -> FetchError:
    """The error for a process that is not what we started."""
    return FetchError(
        f"the network process {what}",
        "try again; when it happens again, a server may be attacking it",
        reason=reason,
    )
