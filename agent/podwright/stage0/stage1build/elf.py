# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ELF files say of themselves: the libraries they need, their loader, a section. Pure.

As elf(5) has it; only little-endian files of 64 bits, which all architectures of ours are.
"""

from __future__ import annotations

import struct

from podwright.errors import UsageError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF\x02\x01"
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 0, 1, 5, 15, 29
PROGRAM = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")


@value
class Needs:
    """Of a program or library: its loader ("" for none), needed libraries, and where it looks first."""

    loader: str
    libraries: tuple[str, ...]
    paths: tuple[str, ...]


def needs(data: bytes) -> Needs:
    """Read them. Raises UsageError for what is no such file."""
    try:
        return _needs(data)
    except (struct.error, IndexError, ValueError):
        raise UsageError("this is no ELF file that can be read") from None


def section(data: bytes, name: bytes) -> bytes:
    """The content of a section, b"" when there is none. Raises UsageError."""
    try:
        return _section(data, name)
    except (struct.error, IndexError, ValueError):
        raise UsageError("this is no ELF file that can be read") from None


def _check(data: bytes) -> None:
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError


def _needs(data: bytes) -> Needs:
    _check(data)
    loader, loads, dynamic = "", [], b""
    for kind, _, offset, address, _, size, _, _ in _programs(data):
        if kind == PT_INTERP:
            loader = data[offset : offset + size].rstrip(b"\0").decode()
        elif kind == PT_LOAD:
            loads.append((address, offset, size))
        elif kind == PT_DYNAMIC:
            dynamic = data[offset : offset + size]
    entries = list(_entries(dynamic))
    strings = next((_offset(loads, number) for tag, number in entries if tag == DT_STRTAB), 0)

    def texts(*tags: int) -> tuple[str, ...]:
        return tuple(_text(data, strings + number) for tag, number in entries if tag in tags)

    paths = tuple(one for path in texts(DT_RPATH, DT_RUNPATH) for one in path.split(":") if one)
    return Needs(loader, texts(DT_NEEDED), paths)


def _programs(data: bytes) -> Iterator[tuple[int, ...]]:
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        yield PROGRAM.unpack_from(data, start + index * size)


def _entries(dynamic: bytes) -> Iterator[tuple[int, int]]:
    for tag, number in struct.iter_unpack("<QQ", dynamic):
        if tag == DT_NULL:
            return
        yield tag, number


def _offset(loads: list[tuple[int, int, int]], address: int) -> int:
    for start, offset, size in loads:
        if start <= address < start + size:
            return address - start + offset
    raise ValueError


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def _section(data: bytes, name: bytes) -> bytes:
    _check(data)
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    table = [SECTION.unpack_from(data, start + index * size) for index in range(count)]
    base = table[names][4]
    for found in table:
        at = base + found[0]
        if data[at : data.index(b"\0", at)] == name:
            return data[found[4] : found[4] + found[5]]
    return b""
