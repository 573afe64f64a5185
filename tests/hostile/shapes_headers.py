# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attacks on what reads headers: sizes, contradictions between readers, huge claims (threats.md T14 to T16)."""

from __future__ import annotations

from collections.abc import Callable

from tests.hostile.shapes import Collection, given, shown
from tests.hostile.tarwriter import Writer, base256, gnu_long, header, octal, padded, pax, record
from tests.unit.stage0.rawtar import raw_pax

COLLECTION = Collection()
_add = COLLECTION.add
_ONE = ("ustar",)
"""For shapes that write their headers themselves."""


def _size(w: Writer, field: bytes) -> bytes:
    return w.archive(header(w.top + b"x", size=field) + padded(b"x"))


def _sized(w: Writer, kind: bytes) -> bytes:
    """A member that is no file but has content, in which another member is hidden from readers that skip it."""
    return w.archive(header(w.top + b"x", kind, size=512, link=b"y") + header(w.top + b"hidden"))


def _malformed(w: Writer, field: str, value: bytes) -> bytes:
    return w.archive(header(w.top + b"x", **{field: value}))  # type: ignore[arg-type]


for text in (
    base256(-1, 12), base256(-512, 12), base256(-(2**63), 12), base256(2**63, 12), base256(2**63 - 1, 12),
    base256(2**80, 12), b"9" * 12, b"-1\0" + bytes(9), b"-512" + bytes(8), b" " * 12, b"0x10" + bytes(8),
    b"1_0\0" + bytes(8), b"12\x0034567\0" + bytes(3), b"\xc0" + bytes(11), octal(8**11 - 1, 12), b"+1\0" + bytes(9),
    b"\xb2\0" + bytes(10), b"1 1 1 1 1 1 ",
):  # fmt: skip
    _add("T14", "size", shown(text), given(_size, text), dialects=_ONE)
for flag in (b"1", b"2", b"3", b"4", b"5", b"6"):
    _add("T14", "size of no file", f"type {shown(flag)}", given(_sized, flag), dialects=_ONE)
_add("T14", "number", "mode", given(_malformed, "mode", b"z" * 8), dialects=_ONE)
_add("T14", "number", "mtime", given(_malformed, "mtime", b"z" * 12), dialects=_ONE)


def _two_sizes(w: Writer, in_pax: int, in_header: int) -> bytes:
    """TARmageddon (CVE-2025-62518): one reader skips by one size, the next by the other, and sees hidden members."""
    hidden = header(w.top + b"hidden") + header(w.top + b"hidden2")
    return w.archive(pax((b"size", b"%d" % in_pax)) + header(w.top + b"x", size=in_header) + hidden)


_add("T15", "two sizes", "0 and 1024", given(_two_sizes, 0, 1024), dialects=_ONE)
_add("T15", "two sizes", "1024 and 0", given(_two_sizes, 1024, 0), dialects=_ONE)
_add("T15", "two sizes", "512 and 1024", given(_two_sizes, 512, 1024), dialects=_ONE)

# `t` is what paths in the archive begin with; every one of these is a member "c" with something before it.
DIFFERENT: dict[str, Callable[[bytes], bytes]] = {
    "pax then L": lambda t: pax((b"path", t + b"a")) + gnu_long(t + b"b"),
    "L then pax": lambda t: gnu_long(t + b"b") + pax((b"path", t + b"a")),
    "L twice": lambda t: gnu_long(t + b"b") + gnu_long(t + b"d"),
    "pax twice": lambda t: pax((b"path", t + b"a")) + pax((b"path", t + b"b")),
    "one record twice": lambda t: pax((b"path", t + b"a"), (b"path", t + b"b")),
    "global path": lambda t: pax((b"path", t + b"a"), kind=b"g"),
    "global size": lambda t: pax((b"size", b"512"), kind=b"g"),
    "global link": lambda t: pax((b"linkpath", b"/etc/passwd"), kind=b"g"),
    "unknown record": lambda t: pax((b"no.such.key", b"1")),
    "path with NUL": lambda t: pax((b"path", t + b"a\0b")),
    "L with NUL": lambda t: gnu_long(t + b"a\0b"),
    "record too short": lambda t: raw_pax(b"12 path=%sa\n" % t),
    "record too long": lambda t: raw_pax(b"99 path=%sa\n" % t),
    "record of length 0": lambda t: raw_pax(b"0 path=a\n"),
    "record without end": lambda t: raw_pax(record(b"path", t + b"a")[:-1] + b"x"),
    "record negative": lambda t: raw_pax(b"-9 path=a\n"),
    "record without =": lambda t: raw_pax(b"4 a\n"),
    "record with sign": lambda t: raw_pax(b"+10 path=a\n"),
    "record length with zeros": lambda t: raw_pax(b"010 path=a\n"),
    "bad checksum before": lambda t: header(t + b"b", checksum=1),
    "pax of pax": lambda t: pax((b"path", t + b"a")) + header(t + b"b", b"x"),
}


def _different(w: Writer, before: Callable[[bytes], bytes]) -> bytes:
    return w.archive(before(w.top) + header(w.top + b"c"))


def _mapped(block: bytes) -> bytes:
    """A header in which a sparse file would have its real size, which bsdtar believes of any file."""
    out = bytearray(block)
    out[483:495] = octal(7, 12)
    out[148:156] = b" " * 8
    out[148:156] = b"%06o\0 " % sum(out)
    return bytes(out)


for name, before in DIFFERENT.items():
    _add("T15", "readers differ", name, given(_different, before), dialects=_ONE)
_add("T15", "readers differ", "old type with slash in a long name", dialects=_ONE,
     make=lambda w, c: w.archive(gnu_long(w.top + b"dir/") + header(w.top + b"c", b"\0")))  # fmt: skip
_add("T15", "readers differ", "map of a sparse file on a plain one", dialects=_ONE,
     make=lambda w, c: w.archive(_mapped(header(w.top + b"x", magic=b"ustar  \0"))))  # fmt: skip
_add("T15", "readers differ", "sparse, but not of GNU tar", dialects=_ONE,
     make=lambda w, c: w.archive(sparse(((0, 512),), 512, 512, w.top + b"x", b"ustar\x0000")))  # fmt: skip
_add("T15", "readers differ", "long target without a target", dialects=_ONE,
     make=lambda w, c: w.archive(gnu_long(b"/etc/passwd", b"K") + header(w.top + b"l", b"2")))  # fmt: skip
_add("T15", "readers differ", "PAX above an old header", dialects=_ONE,
     make=lambda w, c: w.archive(pax((b"path", w.top + b"y")) + header(w.top + b"x", magic=b"")))  # fmt: skip
_add("T15", "readers differ", "extension without member", dialects=_ONE,
     make=lambda w, c: w.archive(pax((b"path", w.top + b"a"))))  # fmt: skip


def _claim(w: Writer, flag: bytes, size: int) -> bytes:
    return w.archive(header(b"x", flag, size=base256(size, 12)))


for flag in (b"L", b"K", b"x", b"g"):
    for size in (2**20 + 1, 2**33, 2**62):
        _add(
            "T16",
            "huge extension",
            f"{shown(flag)} {size}",
            given(_claim, flag, size),
            dialects=_ONE,
        )
_add("T16", "many records", "100000", dialects=_ONE, make=lambda w, c: w.archive(
    raw_pax(b"".join(b"9 %05x=\n" % n for n in range(100_000))) + w.file(b"x")))  # fmt: skip
_add("T16", "many extensions", "long names", dialects=_ONE, make=lambda w, c: w.archive(
    *(gnu_long(b"n%d" % n) for n in range(2000))))  # fmt: skip
_add("T16", "many extensions", "global", dialects=_ONE, make=lambda w, c: w.archive(
    *[pax((b"path", b"x"), kind=b"g")] * 2000))  # fmt: skip


def _number(value: int) -> bytes:
    return octal(value, 12) if 0 <= value < 8**11 else base256(value, 12)


def sparse(
    segments: tuple[tuple[int, int], ...],
    real: int,
    stored: int,
    name: bytes,
    magic: bytes = b"ustar  \0",
) -> bytes:
    """An old GNU sparse member with up to four segments (offset, size), claiming `real` bytes, with `stored` bytes."""
    fields = b"".join(_number(at) + _number(size) for at, size in segments)
    block = bytearray(header(name, b"S", size=stored, magic=magic))
    block[386 : 386 + len(fields)] = fields
    block[483:495] = _number(real)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + padded(b"s" * stored)


def _sparse(w: Writer, segments: tuple[tuple[int, int], ...], real: int, stored: int) -> bytes:
    return w.archive(sparse(segments, real, stored, w.top + b"x"))


for name, segments, real, stored in (
    ("overlap", ((0, 512), (256, 512)), 1024, 1024),
    ("backwards", ((512, 512), (0, 512)), 1024, 1024),
    ("beyond the end", ((0, 512), (2048, 512)), 1024, 1024),
    ("1 EiB", ((0, 512),), 2**60, 512),
    ("negative", ((-512, 512),), 1024, 512),
    ("more than stored", ((0, 4096),), 4096, 512),
    ("less than stored", ((0, 512),), 512, 4096),
    ("overflow", ((2**63 - 1, 512),), 2**63 - 1, 512),
):
    _add("T16", "sparse map", name, given(_sparse, segments, real, stored), dialects=("gnu",))

_VERSION = ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"))
SPARSE_RECORDS: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "0.0 without its parts": ((b"GNU.sparse.size", b"1152921504606846976"), (b"GNU.sparse.numblocks", b"1")),
    "0.1 overlap": ((b"GNU.sparse.map", b"0,512,256,512"), (b"GNU.sparse.size", b"1024")),
    "1.0 huge": (*_VERSION, (b"GNU.sparse.realsize", b"99999999999999999")),
    "1.0 that leaves": (*_VERSION, (b"GNU.sparse.name", b"../../canary/file"), (b"GNU.sparse.realsize", b"0")),
}  # fmt: skip


def _sparse_records(w: Writer, records: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return w.archive(pax(*records) + header(w.top + b"x", size=512) + b"s" * 512)


for name, records in SPARSE_RECORDS.items():
    _add("T16", "sparse records", name, given(_sparse_records, records), dialects=_ONE)
