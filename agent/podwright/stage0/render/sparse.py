# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sparse members of tar archives: old GNU, PAX 0.0, 0.1 and 1.0 (GNU tar manual, "Sparse Formats").

All become one list of parts (offset, length): ascending, not overlapping, inside the file, and
exactly as long together as what the archive holds. Anything else is refused.
"""

from __future__ import annotations

from podwright.stage0.render import tarfields
from podwright.stage0.render.tarfields import broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage0.render.tarread import Source

    Parts = tuple[tuple[int, int], ...]

MAX_PARTS = 20_000
MAX_SIZE = 4 * 1024**3
PREFIX = b"GNU.sparse."


def check(parts: list[tuple[int, int]], real: int, archived: int) -> Parts:
    """The parts, when they are a possible map of a file of `real` bytes."""
    if real > MAX_SIZE:
        raise broken(f"a sparse file of {real} bytes is larger than the limit of {MAX_SIZE}")
    if len(parts) > MAX_PARTS:
        raise broken(f"a sparse file has more than {MAX_PARTS} parts")
    at = total = 0
    for offset, length in parts:
        if offset < at or length < 0 or offset + length > real:
            raise broken("the map of a sparse file overlaps or leaves the file")
        at, total = offset + length, total + length
    if total != archived:
        raise broken("the map of a sparse file does not agree with its size")
    return tuple(part for part in parts if part[1])


def old_gnu(block: bytes, archived: int, source: Source) -> tuple[int, Parts]:
    """(size of the file, parts) of a member of type `S`; reads the blocks that go on with them."""
    parts: list[tuple[int, int]] = []
    _structures(block[386:482], parts)
    more = block[482]
    while more:
        extension = source.block()
        _structures(extension[:504], parts)
        more = extension[504]
        if len(parts) > MAX_PARTS:
            break
    real = tarfields.size(block[483:495])
    return real, check(parts, real, archived)


def _structures(data: bytes, parts: list[tuple[int, int]]) -> None:
    for at in range(0, len(data), 24):
        if data[at] == 0:
            break
        offset, length = data[at : at + 12], data[at + 12 : at + 24]
        parts.append((tarfields.size(offset), tarfields.size(length)))


def pax(
    records: dict[bytes, bytes], pairs: list[tuple[bytes, bytes]], archived: int, source: Source
) -> tuple[int, int, Parts]:
    """(bytes left in the archive, size of the file, parts) of a member with `GNU.sparse.` records.

    records  all of them without the prefix
    pairs    the repeated records `offset` and `numbytes` of version 0.0, in their order
    """
    version = (records.pop(b"major", b"0"), records.pop(b"minor", b"0"))
    size = records.pop(b"realsize", None) or records.pop(b"size", None)
    if size is None:
        raise broken("a sparse file has no size")
    real = tarfields.decimal(size, "size")
    if version == (b"1", b"0") and not pairs:
        parts, archived = _leading_map(source, archived)
        return archived, real, check(parts, real, archived)
    if version != (b"0", b"0") and version != (b"0", b"1"):
        raise broken("a sparse file is of an unknown version")
    count = tarfields.decimal(records.pop(b"numblocks", b""), "number of parts")
    if b"map" in records:
        numbers = [tarfields.decimal(n, "map") for n in records.pop(b"map").split(b",") if n]
    else:
        numbers = _paired(pairs)
    if len(numbers) != 2 * count:
        raise broken("the map of a sparse file has a wrong length")
    parts = list(zip(numbers[::2], numbers[1::2]))
    return archived, real, check(parts, real, archived)


def _paired(pairs: list[tuple[bytes, bytes]]) -> list[int]:
    for index, (key, _) in enumerate(pairs):
        if key != (b"numbytes" if index % 2 else b"offset"):
            raise broken("the map of a sparse file is malformed")
    return [tarfields.decimal(value, "map") for _, value in pairs]


def _leading_map(source: Source, archived: int) -> tuple[list[tuple[int, int]], int]:
    """The map of version 1.0, decimal lines in front of the data; and how much data is left."""
    data = b""

    def numbers(count: int) -> list[int]:
        nonlocal data, archived
        while data.count(b"\n") < count:
            if archived < 512 or len(data) > 40 * MAX_PARTS:
                raise broken("the map of a sparse file is malformed")
            archived -= 512
            data += source.block()
        *lines, data = data.split(b"\n", count)
        return [tarfields.decimal(line, "map") for line in lines]

    (count,) = numbers(1)
    if count > MAX_PARTS:
        raise broken(f"a sparse file has more than {MAX_PARTS} parts")
    found = numbers(2 * count)
    return list(zip(found[::2], found[1::2])), archived
