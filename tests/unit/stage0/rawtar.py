# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write tar archives header by header, right or wrong: never with tarfile, which would refuse or repair."""

from __future__ import annotations

import json

BLOCK = 512
END = bytes(2 * BLOCK)
MANIFEST = json.dumps(
    {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/hostile",
        "labels": [{"name": "os", "value": "linux"}, {"name": "arch", "value": "amd64"}],
    }
).encode()


def octal(number: int, width: int) -> bytes:
    """A number field as tar writes it: zero-padded octal and a NUL."""
    return f"{number:0{width - 1}o}\0".encode()


def base256(number: int, width: int) -> bytes:
    """A number field in GNU's binary form."""
    if number < 0:
        return number.to_bytes(width, "big", signed=True)
    return bytes([0x80]) + number.to_bytes(width - 1, "big")


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int | bytes = 0,
    link: bytes = b"",
    mode: int | bytes = 0o644,
    uid: int | bytes = 0,
    gid: int | bytes = 0,
    mtime: int | bytes = 0,
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    checksum: int | None = None,
    signed: bool = False,
) -> bytes:
    """One header block; numbers may be given as raw fields."""

    def field(value: int | bytes, width: int) -> bytes:
        return value if isinstance(value, bytes) else octal(value, width)

    before = (
        name.ljust(100, b"\0")
        + field(mode, 8)
        + field(uid, 8)
        + field(gid, 8)
        + field(size, 12)
        + field(mtime, 12)
    )
    after = (
        kind
        + link.ljust(100, b"\0")
        + magic.ljust(8, b"\0")
        + bytes(80)
        + prefix.ljust(155, b"\0")
        + bytes(12)
    )
    whole = before + b" " * 8 + after
    assert len(whole) == BLOCK, len(whole)
    total = sum(byte - 256 if signed and byte > 127 else byte for byte in whole)
    return before + b"%06o\0 " % (total if checksum is None else checksum) + after


def padded(data: bytes) -> bytes:
    """Data filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes, data: bytes = b"", **fields: object) -> bytes:
    """A regular file with its content."""
    return header(name, size=len(data), **fields) + padded(data)  # type: ignore[arg-type]


def directory(name: bytes, **fields: object) -> bytes:
    """A directory."""
    return header(name, b"5", **{"mode": 0o755, **fields})  # type: ignore[arg-type]


def symlink(name: bytes, target: bytes) -> bytes:
    """A symbolic link."""
    return header(name, b"2", link=target, mode=0o777)


def hardlink(name: bytes, target: bytes) -> bytes:
    """A hard link."""
    return header(name, b"1", link=target)


def record(key: bytes, value: bytes) -> bytes:
    """One PAX record with its own length in front."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A PAX extension header."""
    return raw_pax(b"".join(record(key, value) for key, value in records), kind)


def raw_pax(body: bytes, kind: bytes = b"x") -> bytes:
    """A PAX extension header with any body."""
    return header(b"PaxHeader/x", kind, size=len(body)) + padded(body)


def gnu_long(text: bytes, kind: bytes = b"L") -> bytes:
    """GNU's long name (L) or long link name (K) header."""
    return header(b"././@LongLink", kind, size=len(text) + 1, magic=b"ustar  \0") + padded(
        text + b"\0"
    )


def aci(*members: bytes, end: bytes = END) -> bytes:
    """An image: manifest, rootfs, and members."""
    return file(b"manifest", MANIFEST) + directory(b"rootfs/") + b"".join(members) + end
