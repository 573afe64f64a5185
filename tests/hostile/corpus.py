# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hostile archives: every shape in its dialects and forms, in every compression (bar B1). Deterministic."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator

from tests.hostile import shapes_headers, shapes_members, shapes_paths, shapes_streams
from tests.hostile.mutate import zstd
from tests.hostile.shapes import CANARY, Shape
from tests.hostile.tarwriter import Writer
from tests.support.thorough import THOROUGH

SHAPES: tuple[Shape, ...] = (
    *shapes_paths.COLLECTION.shapes,
    *shapes_members.COLLECTION.shapes,
    *shapes_headers.COLLECTION.shapes,
    *shapes_streams.COLLECTION.shapes,
)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstd,
}


def plain(shape: Shape, dialect: str, form: str, canary: bytes = CANARY) -> bytes:
    """The archive before compression."""
    return shape.make(Writer(dialect, form), canary)


def _compressions(of: str) -> tuple[str, ...]:
    names = tuple(COMPRESSIONS)
    return names if THOROUGH else (names[zlib.crc32(of.encode()) % len(names)],)


def files(shape: Shape, form: str, canary: bytes = CANARY) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of a shape in one form, in all its dialects and compressions; in a sample each in one of these."""
    for dialect in shape.dialects:
        data = plain(shape, dialect, form, canary)
        for name in _compressions(f"{shape.name}+{dialect}+{form}"):
            whole = COMPRESSIONS[name](data)
            if shape.spoil is not None:
                whole = shape.spoil(whole)
            yield f"{dialect}+{name}", whole
