# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage and forge inputs, decided by a random number generator alone: same seed, same result.

Part of the fuzz worker, so nothing but the standard library.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Callable
from random import Random

BLOCK = 512
NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    127,
    128,
    255,
    511,
    512,
    513,
    65535,
    2**20,
    2**31,
    2**32 - 1,
    2**33,
    2**62,
    2**63,
    2**64,
)
TEXTS = (
    b"null", b"true", b"-1", b"0", b"1e999", b"NaN", b"[]", b"{}", b'""', b"[[[[", b'"\\ud800"', b'"../../x"', b'"/"',
    b'"\\u0000"', b"18446744073709551616", b'{"a":1,"a":2}', b"\xff", b"\x00", b"\x1b[31m", b"%2e%2e", b"\n", b"<!--",
    b"<meta", b"sha256:", b"'", b"&", b"https://", b"file:///", b"://", b"@", b"..", b"//",
)  # fmt: skip
TAR_FIELDS = (
    (0, 100), (100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (148, 8), (156, 1), (157, 100), (257, 8), (329, 8),
    (337, 8), (345, 155), (386, 24), (482, 1), (483, 12),
)  # fmt: skip
NAMES = (
    b"../x", b"/x", b"rootfs", b"rootfs/../x", b"manifest", b".", b"", b"./", b"rootfs/.wh.x", b"rootfs/.wh..wh..opq",
    b".wh.x", b"rootfs/d", b"x/" * 60, b"\xff", b"rootfs/\n", b"dev/x", b"rootfs/dev/x",
)  # fmt: skip
_TOKEN = re.compile(rb'"[^"]{0,60}"|[0-9]{1,12}|[a-zA-Z]{2,20}|[{}\[\],:<>=/-]')


def damaged(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """One to four changes of bytes, whatever they mean."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        data = rng.choice(_CHANGES)(rng, data, others)
    return data


def forged(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """Changes that keep to the form: a field of a tar header with a right checksum, a token of a text."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = _tar_field(rng, data) if len(data) % BLOCK == 0 and data else _token(rng, data)
    return data


def mutated(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """Damaged or forged, or both."""
    way = rng.random()
    if way < 0.55:
        data = forged(rng, data, others)
    return damaged(rng, data, others) if way > 0.45 else data


def compressed(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    """Perhaps compressed, and perhaps damaged after that."""
    way = rng.random()
    if way < 0.6:
        return data
    squeeze = rng.choice((_gzip, _bzip2, _xz, zstd))
    data = squeeze(data)
    return damaged(rng, data, others) if way > 0.8 else data


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def _bzip2(data: bytes) -> bytes:
    return bz2.compress(data, 1)


def _xz(data: bytes) -> bytes:
    return bytes(lzma.compress(data, preset=0))


def zstd(data: bytes) -> bytes:
    """A zstd frame of raw blocks (RFC 8878): legal, and made without the library."""
    out = [b"\x28\xb5\x2f\xfd", b"\xa0" + len(data).to_bytes(4, "little")]
    for at in range(0, max(len(data), 1), 131072):
        piece = data[at : at + 131072]
        last = at + 131072 >= len(data)
        out += [(len(piece) << 3 | last).to_bytes(3, "little"), piece]
    return b"".join(out)


def _flip(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    out = bytearray(data or b"\0")
    for _count in range(rng.choice((1, 1, 2, 8))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _set(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    out = bytearray(data or b"\0")
    at = rng.randrange(len(out))
    out[at : at + rng.choice((1, 2, 4, 8))] = bytes(
        [rng.choice((0, 0x20, 0x2F, 0x30, 0x7F, 0x80, 0xFF))]
    )
    return bytes(out)


def _cut(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 16, BLOCK, 3 * BLOCK)) :]


def _repeat(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    size = rng.choice((1, 4, 64, BLOCK, 4 * BLOCK))
    at = rng.randrange(len(data) + 1)
    return data[: at + size] + data[at : at + size] * rng.choice((1, 2, 30)) + data[at + size :]


def _splice(rng: Random, data: bytes, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    if rng.random() < 0.5:  # at the same place of whole blocks
        at = rng.randrange(len(data) // BLOCK + 1) * BLOCK
        return data[:at] + other[at:]
    at, other_at = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1)
    return data[:at] + other[other_at : other_at + rng.choice((8, 64, 1024, 8192))] + data[at:]


def _insert(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(TEXTS) * rng.choice((1, 1, 1, 40)) + data[at:]


def _length(rng: Random, data: bytes, _: list[bytes]) -> bytes:
    """A number in binary form that lies."""
    width = rng.choice((1, 2, 4, 8))
    number = rng.choice(NUMBERS) % (1 << 8 * width)
    at = rng.randrange(len(data) + 1)
    lie = number.to_bytes(width, "big" if rng.random() < 0.5 else "little")
    return data[:at] + lie + data[at + width :]


_CHANGES: tuple[Callable[[Random, bytes, list[bytes]], bytes], ...] = (
    _flip,
    _flip,
    _set,
    _cut,
    _remove,
    _repeat,
    _splice,
    _splice,
    _insert,
    _length,
)


def _token(rng: Random, data: bytes) -> bytes:
    """Replace, repeat or remove a word, number or mark."""
    found = list(_TOKEN.finditer(data[:20_000]))
    if not found:
        return data + rng.choice(TEXTS)
    match = rng.choice(found)
    new = rng.choice(
        (
            rng.choice(TEXTS),
            b"%d" % rng.choice(NUMBERS),
            match.group() * 2,
            b"",
            rng.choice(found).group(),
        )
    )
    return data[: match.start()] + new + data[match.end() :]


def _tar_field(rng: Random, data: bytes) -> bytes:
    """Change a field of something that may be a header, and make its checksum right again."""
    headers = [
        at for at in range(0, len(data), BLOCK) if data[at + 257 : at + 262] == b"ustar"
    ] or [0]
    at = rng.choice(headers)
    block = bytearray(data[at : at + BLOCK])
    start, width = rng.choice(TAR_FIELDS)
    number = rng.choice(NUMBERS)
    value = rng.choice(
        (
            b"%0*o" % (width - 1, number % 8**22),
            (number | 1 << (8 * width - 1)).to_bytes(max(width, 9), "big")[-width:],
            rng.choice(NAMES),
            bytes([rng.choice(b"01234567LKxgSDMNVs\0")]),
            rng.randbytes(width),
        )
    )
    block[start : start + width] = value[:width].ljust(width, b"\0")
    if rng.random() < 0.9:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return data[:at] + bytes(block) + data[at + BLOCK :]
