# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host and the guest of a pod say to each other, over one stream of bytes. Pure.

A frame is one byte for its kind, four for a stream's number, four for a length (little endian), and
that many bytes. Stream 0 is the machine itself; the others are opened by who needs one, and
end on both sides. A stream's sender has a window: it sends no more bytes of DATA than the other side
has given it (`WINDOW` at the beginning, then what GRANT says), so that nobody who does not read
keeps others from being heard.
"""

from __future__ import annotations

from podwright.values import value

PROTOCOL = 1

HELLO = 1
"""guest: JSON, see `guest.init`: the first frame; says which protocol, and how long the boot took."""
START = 2
"""host: a piece of what the guest is to run (`codec`); an empty one ends it."""
GO = 3
"""host: the network is there: JSON, address, metadata, resolv, and what each NIC gets (`nicplan`)."""
REPORT = 4
"""guest: a line of `namespaces.link` by the pod's own PID 1, as it is."""
SIGNAL = 5
"""host: a signal for the pod's PID 1, as decimal text."""
OPEN = 6
"""either: a stream begins; what for, as JSON. The host's are odd numbers, the guest's even ones."""
DATA = 7
"""either: bytes of a stream."""
GRANT = 8
"""either: as decimal text, so many more bytes of this stream may be sent."""
EOF = 9
"""either: no more DATA of this stream comes from here."""
CLOSE = 10
"""either: the stream is over in both directions, and forgotten; what is on its way is dropped."""
TELL = 11
"""either: a message within a stream, as JSON: a control client's request, an answer, a window's size."""
CLOCK = 12
"""host: nanoseconds since the epoch, as decimal text; after a suspend, say."""
BYE = 13
"""guest: all is written and the power goes off next. host: so be it."""
OUTER = 14
"""guest: a message for the host's service manager (sd_notify(3)), as it is."""

PING = 15
"""guest: is anybody there? Where a device does not tell, and no other way shows how much has been read."""
PONG = 16
"""host: yes; all that came before that PING has been read."""

HEAD = 9
LONGEST = 1 << 16
"""Bytes of a frame."""
WINDOW = 1 << 17


@value
class Frame:
    """One of them."""

    kind: int
    stream: int = 0
    data: bytes = b""


class Nonsense(ValueError):
    """What came is no frame: the other side is broken, or hostile."""


def encode(frame: Frame) -> bytes:
    """As bytes. `data` must fit."""
    assert len(frame.data) <= LONGEST
    head = bytes((frame.kind,)) + frame.stream.to_bytes(4, "little")
    return head + len(frame.data).to_bytes(4, "little") + frame.data


class Decoder:
    """Bytes to frames. What is kept is never more than one frame."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now. Raises Nonsense."""
        buffer, at, out = self.rest + data, 0, []
        while len(buffer) - at >= HEAD:
            length = int.from_bytes(buffer[at + 5 : at + HEAD], "little")
            kind = buffer[at]
            if length > LONGEST or not HELLO <= kind <= PONG:
                raise Nonsense(f"frame of kind {kind} with {length} bytes")
            if len(buffer) - at < HEAD + length:
                break
            stream = int.from_bytes(buffer[at + 1 : at + 5], "little")
            out.append(Frame(kind, stream, buffer[at + HEAD : at + HEAD + length]))
            at += HEAD + length
        self.rest = buffer[at:]
        return out
