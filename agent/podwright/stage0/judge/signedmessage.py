# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take an OpenPGP signed message apart (RFC 4880, 11.3): one signature, and what it is over.

What comes out is what gpg is asked about, as a detached signature over exactly these bytes; gpg
itself never sees the message, so it cannot find another text in it than we do. A signature over
binary data is the same in both forms.
"""

from __future__ import annotations

import bz2
import zlib

from podwright.stage0.judge import pgp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CONTENT = 1024 * 1024
_ONE_PASS, _COMPRESSED, _LITERAL = 4, 8, 11
_IN_PARTS = (_COMPRESSED, _LITERAL)


def open_message(data: bytes) -> tuple[pgp.Signature, bytes]:
    """(the signature, the signed content) of a binary or armoured message.

    Raises Malformed for anything but: one-pass header, literal data, signature, either as they
    are or as the only thing in one compressed packet.
    """
    if len(data) > pgp.MAX_SIGNATURE_BYTES:
        raise pgp.Malformed(f"is larger than {pgp.MAX_SIGNATURE_BYTES} bytes")
    if not data.strip():
        raise pgp.Malformed("is empty")
    found = list(_packets(data if data[0] & 0x80 else pgp.dearmour(data, b"MESSAGE")))
    if [tag for tag, _ in found] == [_COMPRESSED]:
        found = list(_packets(_inflated(found[0][1])))
    if [tag for tag, _ in found] != [_ONE_PASS, _LITERAL, pgp.SIGNATURE]:
        tags = ", ".join(str(tag) for tag, _ in found[:8])
        raise pgp.Malformed(f"is not one signed message (it holds OpenPGP packets of type {tags})")
    header, literal, body = (content for _, content in found)
    if len(body) > 0xFFFF:
        raise pgp.Malformed("holds a signature of more than 65535 bytes")
    packet = b"\xc2\xff" + len(body).to_bytes(4, "big") + body
    (signature,) = pgp.signatures(packet)
    # Version, class, digest and algorithm, key ID, and 1: no other signature is around this one.
    said = (3, signature.kind, signature.digest, signature.algorithm)
    if len(header) != 13 or tuple(header[:4]) != said or header[12] != 1:
        raise pgp.Malformed("holds a signature that is not the one it announces")
    return signature, _content(literal)


def _content(literal: bytes) -> bytes:
    """What a literal packet carries, after its format, file name and date."""
    size = 2 + literal[1] + 4 if len(literal) > 1 else 2
    if len(literal) < size or literal[:1] not in (b"b", b"t", b"u"):
        raise pgp.Malformed("holds literal data that is cut short")
    if len(literal) - size > MAX_CONTENT:
        raise pgp.Malformed(f"signs more than {MAX_CONTENT} bytes")
    return literal[size:]


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of each packet; compressed and literal ones may come in parts."""
    at = number = 0
    while at < len(data):
        number += 1
        if number > 8:
            raise pgp.Malformed("holds more than 8 packets")
        try:
            tag, body, at = _packet(data, at)
        except IndexError:
            raise pgp.Malformed("ends inside a packet") from None
        yield tag, body


def _packet(data: bytes, at: int) -> tuple[int, bytes, int]:
    """(tag, body, where the next packet begins)."""
    first = data[at]
    if not first & 0x80:
        raise pgp.Malformed("is not a series of OpenPGP packets")
    if first & 0x40:
        return _new_packet(data, first & 0x3F, at + 1)
    tag, kind = (first >> 2) & 0x0F, first & 3
    if kind == 3:
        if tag not in _IN_PARTS:
            raise pgp.Malformed("holds a packet without a length")
        return tag, data[at + 1 :], len(data)
    width = (1, 2, 4)[kind]
    begin = at + 1 + width
    size = int.from_bytes(data[at + 1 : begin], "big")
    return tag, _cut(data, begin, size), begin + size


def _new_packet(data: bytes, tag: int, at: int) -> tuple[int, bytes, int]:
    parts = []
    while True:
        one = data[at]
        partial = 224 <= one < 255
        if partial:
            size, at = 1 << (one & 0x1F), at + 1
        elif one < 192:
            size, at = one, at + 1
        elif one < 224:
            size, at = ((one - 192) << 8) + data[at + 1] + 192, at + 2
        else:
            size, at = int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
        parts.append(_cut(data, at, size))
        at += size
        if not partial:
            return tag, b"".join(parts), at
        if tag not in _IN_PARTS or len(parts) > 4096:
            raise pgp.Malformed("holds a packet in parts that never is")


def _cut(data: bytes, begin: int, size: int) -> bytes:
    if begin + size > len(data):
        raise pgp.Malformed("ends inside a packet")
    return data[begin : begin + size]


def _inflated(body: bytes) -> bytes:
    """The content of a compressed packet, bounded; nothing may follow it."""
    limit = MAX_CONTENT + 65536
    kind, packed = body[:1], body[1:]
    try:
        if kind == b"\0":
            return packed
        if kind == b"\3":
            bzip2 = bz2.BZ2Decompressor()
            out, whole, rest = bzip2.decompress(packed, limit), bzip2.eof, bzip2.unused_data
        elif kind in (b"\1", b"\2"):
            inflater = zlib.decompressobj(-15 if kind == b"\1" else 15)
            out = inflater.decompress(packed, limit)
            whole, rest = inflater.eof, inflater.unused_data
        else:
            raise pgp.Malformed("is compressed in an unknown way")
    except (zlib.error, OSError, EOFError):
        raise pgp.Malformed("has compressed data that is damaged") from None
    if not whole or rest.strip(b"\0"):
        raise pgp.Malformed("has compressed data that is cut short, too large or followed by more")
    return out
