# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives with something missing or too much, damaged compression, and what is no archive (threats.md T17, T19)."""

from __future__ import annotations

from collections.abc import Callable

from tests.hostile.shapes import Collection, given
from tests.hostile.tarwriter import Writer

COLLECTION = Collection()
_END = 1024
_LAST = 1536
"""The second file's header and content."""

Surgery = Callable[[bytes], bytes]


def _good(w: Writer) -> bytes:
    """Two files of 600 bytes; written out plainly, so that it is known what lies where."""
    plain = Writer("ustar", w.form)
    return w.archive(w.file(b"one", b"1" * 600), plain.file(b"two", b"2" * 600))


LOST: dict[str, Surgery] = {
    "cut at a member": lambda d: d[: -_END - _LAST],
    "without its end": lambda d: d[:-_END],
    "half its end": lambda d: d[:-512],
    "cut in a header": lambda d: d[: -_END - _LAST + 300],
    "cut in content": lambda d: d[: -_END - _LAST + 700],
    "cut in padding": lambda d: d[: -_END - 100],
    "first block only": lambda d: d[:512],
    "twice": lambda d: d + d,
    "junk behind": lambda d: d + b"x",
    "junk in a later block": lambda d: d + bytes(512) + b"junk",
    "header zeroed": lambda d: d[: -_END - _LAST] + bytes(512) + d[-_END - 1024 :],
    "header garbled": lambda d: d[: -_END - _LAST] + b"\x07" * 512 + d[-_END - 1024 :],
    "a zero block between": lambda d: d[: -_END - _LAST] + bytes(512) + d[-_END - _LAST :],
}
DAMAGED: dict[str, Surgery] = {
    "last byte gone": lambda d: d[:-1],
    "half": lambda d: d[: len(d) // 2],
    "junk behind": lambda d: d + b"junk",
    "check damaged": lambda d: d[:-6] + b"\xaa" * 6,
    "begins again": lambda d: d + d[:20],
    "archive again": lambda d: d + d,
    "header damaged": lambda d: d[:200] + b"\xfe\x01" * 8 + d[216:],
}
"""Done after compression."""
NO_ARCHIVE = {
    "empty": b"",
    "one byte": b"x",
    "zip": b"PK\x03\x04" + bytes(600),
    "elf": b"\x7fELF" + bytes(900),
    "text": b"#!/bin/sh\n" * 99,
    "magic of gzip": b"\x1f\x8b\x08" + bytes(9),
    "magic of xz": b"\xfd7zXZ\0",
    "magic of bzip2": b"BZh9",
    "magic of zstd": b"\x28\xb5\x2f\xfd",
    "lzip": b"LZIP\x01" + bytes(600),
    "lz4": b"\x04\x22\x4d\x18" + bytes(600),
    "compress": b"\x1f\x9d\x90" + bytes(600),
    "skippable frame of zstd": b"\x50\x2a\x4d\x18\x04\0\0\0junk",
}


def _lost(w: Writer, cut: Surgery) -> bytes:
    return cut(_good(w))


def _junk(_: Writer, data: bytes) -> bytes:
    return data


for name, cut in LOST.items():
    COLLECTION.add("T17", "lost silently", name, given(_lost, cut))
for name, spoil in DAMAGED.items():
    COLLECTION.add("T19", "damaged stream", name, given(_good), spoil=spoil)
for name, data in NO_ARCHIVE.items():
    COLLECTION.add("T19", "no archive", name, given(_junk, data), dialects=("ustar",))
