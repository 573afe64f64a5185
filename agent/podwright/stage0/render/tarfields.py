# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of tar headers and PAX records: numbers, names, times; each read in one way only."""

from __future__ import annotations

import re

from podwright.errors import ImageError
from podwright.text import safe

MAX_PATH = 4096
MAX_PART = 255
MAX_DEPTH = 256
MAX_ID = 2**32 - 2
MAX_MTIME = (2**34 - 1) * 10**9

_DECIMAL = re.compile(rb"[0-9]{1,19}\Z")
_TIME = re.compile(rb"(-?)([0-9]{1,12})(?:\.([0-9]{0,18}))?\Z")
_RECORD = re.compile(rb"([1-9][0-9]{0,7}) ")


def broken(why: str) -> ImageError:
    """The error for an archive that is not what it should be."""
    return ImageError(f"archive: {why}", "get the image again from its maker")


def checksum(block: bytes) -> None:
    """The header's sum over unsigned bytes, or over signed ones as some old tars wrote it."""
    wanted = number(block[148:156], "checksum")
    found = sum(block) - sum(block[148:156]) + 8 * 0x20
    if found != wanted:
        negative = 256 * sum(byte > 127 for byte in block[:148] + block[156:])
        if found - negative != wanted:
            raise broken("a header has a wrong checksum: damaged, or not a tar archive")


def number(field: bytes, what: str) -> int:
    """An octal or base-256 number field."""
    first = field[0]
    if first & 0x80:
        if first not in (0x80, 0xFF):
            raise broken(f"a header has a malformed {what}")
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if first == 0xFF else 0)
    text = field.rstrip(b"\0 ").lstrip(b" ")
    try:
        if text.isdigit():
            return int(text, 8)
    except ValueError:
        pass
    if not text:
        return 0
    raise broken(f"a header has a malformed {what}")


def size(field: bytes) -> int:
    """The size field of a header."""
    found = number(field, "size")
    if found < 0 or found >= 2**63 or not field.strip(b" "):
        raise broken(f"a header claims the size {found}")
    return found


def text(field: bytes) -> bytes:
    """A name field up to its first NUL."""
    end = field.find(b"\0")
    return field if end < 0 else field[:end]


def records(body: bytes) -> list[tuple[bytes, bytes]]:
    """The records of a PAX header: `length key=value` and a newline each."""
    out: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(body):
        match = _RECORD.match(body, at)
        end = at + int(match.group(1)) if match else 0
        if not match or end > len(body) or end <= match.end() or body[end - 1] != 0x0A:
            raise broken("a PAX record has a wrong length")
        key, equals, value = body[match.end() : end - 1].partition(b"=")
        if not equals or not key:
            raise broken(f"PAX record {safe(key, 60)!r} is malformed or repeated")
        out.append((key, value))
        at = end
    return out


def decimal(value: bytes, what: str) -> int:
    """A whole number in a PAX record."""
    if not _DECIMAL.match(value):
        raise broken(f"a PAX record has a malformed {what}")
    return int(value)


def pax_size(value: bytes, in_header: int) -> int:
    """The size in a PAX record, which may differ from the header's only when too large for it."""
    found = decimal(value, "size")
    if found != in_header and found < 8**11:
        raise broken(f"a member has two sizes, {found} and {in_header}")
    return found


def pax_time(value: bytes) -> int:
    """A time in a PAX record, in nanoseconds."""
    match = _TIME.match(value)
    if not match:
        raise broken("a PAX record has a malformed time")
    fraction = ((match.group(3) or b"") + b"000000000")[:9]
    moment = int(match.group(2)) * 10**9 + int(fraction)
    return -moment if match.group(1) else moment


def clean(name: bytes, directory: bool) -> bytes:
    """A relative path of plain parts. One leading `./` and a directory's trailing slash go."""
    given = name
    if name[:2] == b"./":
        name = name[2:] or b"."
    if directory and name[-1:] == b"/" and len(name) > 1:
        name = name[:-1]
    if name == b"." and directory:
        return name
    framed = b"/%b/" % name
    if b"//" in framed or b"/../" in framed or b"/./" in framed or b"\0" in name:
        raise broken(f"path {safe(given, 200)!r} is not a plain relative path")
    return _bounded(name)


def clean_layer(name: bytes, directory: bool) -> bytes:
    """The same for layers, whose makers write `./x`, `/x` and `a//b` too: all below the root."""
    framed = b"/%b/" % name
    if not (b"//" in framed or b"/../" in framed or b"/./" in framed or b"\0" in name):
        return _bounded(name)
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts or b"\0" in name or (name[-1:] == b"/" and not directory):
        raise broken(f"path {safe(name, 200)!r} is not a plain path")
    if not parts:
        if directory and name:
            return b"."
        raise broken(f"path {safe(name, 200)!r} names nothing")
    return _bounded(b"/".join(parts))


def _bounded(name: bytes) -> bytes:
    why = ""
    if len(name) > MAX_PATH or name.count(b"/") >= MAX_DEPTH:
        why = f"is longer than {MAX_PATH} bytes or deeper than {MAX_DEPTH} directories"
    elif len(name) > MAX_PART and any(len(part) > MAX_PART for part in name.split(b"/")):
        why = f"has a part of more than {MAX_PART} bytes"
    if why:
        raise broken(f"path {safe(name, 200)!r} {why}")
    return name
