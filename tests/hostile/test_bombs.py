# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small archives that would become huge: they stop at a cap that is named, with little on the disk (T16, T18, T20)."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.stage0.render import decompress
from tests.hostile.rig import Rig
from tests.hostile.shapes_headers import sparse
from tests.hostile.tarwriter import FORMS, Writer, base256, header

GIB = 1024**3
MIB = 1024**2


def on_disk(top: Path) -> int:
    """The bytes that a tree takes, holes not counted."""
    return sum(
        os.lstat(os.path.join(directory, name)).st_blocks * 512
        for directory, _, names in os.walk(top)
        for name in names
    )


def zeros(form: str, size: int) -> bytes:
    """The beginning of an archive with one file of that size, without its content."""
    w = Writer("gnu", form)
    return w.archive(w.file(b"a", b"1"), end=b"") + header(w.top + b"zeros", size=base256(size, 12))


@functools.cache
def gzip_bomb(form: str) -> bytes:
    """256 MiB of zeros at 1000:1."""
    squeezer = zlib.compressobj(9, wbits=31)
    parts = [
        squeezer.compress(zeros(form, GIB)),
        *(squeezer.compress(bytes(MIB)) for _ in range(256)),
    ]
    return b"".join(parts) + squeezer.flush()


@functools.cache
def bzip2_bomb(form: str) -> bytes:
    """8 GiB and more of zeros in streams of 100 MiB each, at nearly a million to one."""
    return bz2.compress(zeros(form, 8 * GIB)) + bz2.compress(bytes(100 * MIB)) * 512


@functools.cache
def xz_bomb(form: str) -> bytes:
    """1 GiB of zeros at 6500:1, as streams."""
    return lzma.compress(zeros(form, GIB)) + lzma.compress(bytes(64 * MIB), preset=0) * 16


@functools.cache
def zstd_bomb(form: str) -> bytes:
    """8 GiB of zeros in blocks of 128 KiB which take four bytes each."""
    head = zeros(form, 8 * GIB)
    blocks = [(len(head) << 3).to_bytes(3, "little") + head]
    blocks += [(131072 << 3 | 2).to_bytes(3, "little") + b"\0"] * (8 * GIB // 131072)
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(blocks)


def nested_bomb(form: str) -> bytes:
    """A bomb in a bomb is not a tar archive."""
    return gzip.compress(gzip_bomb(form))


BOMBS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "gzip": (gzip_bomb, "more than 200 times"),
    "bzip2": (bzip2_bomb, "more than 200 times"),
    "xz": (xz_bomb, "more than 200 times"),
    "zstd": (zstd_bomb, "more than 200 times"),
    "nested": (nested_bomb, "archive: "),
}


@pytest.mark.threat("T18")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_stops_at_the_cap_that_it_names(bench: Rig, bomb: str, form: str) -> None:
    make, said = BOMBS[bomb]
    answer = bench.read("unpacked" if form == "aci" else "layer", make(form))
    assert said in answer["refusal"], answer
    assert on_disk(bench.place / "tree") <= decompress.RATIO_FROM + 2 * decompress.PIECE


@pytest.mark.threat("T18")
@pytest.mark.parametrize("bomb", BOMBS)
def test_of_a_bomb_that_is_fetched_nothing_is_left(bench: Rig, bomb: str) -> None:
    assert "refusal" in bench.try_aci(BOMBS[bomb][0]("aci"))
    assert on_disk(bench.place / "data/tmp") == on_disk(bench.place / "data/cas") == 0


@pytest.mark.threat("T18")
def test_xz_that_needs_gigabytes_of_memory_is_refused(bench: Rig) -> None:
    data = bytearray(lzma.compress(zeros("aci", 0) + bytes(MIB), preset=0))
    # The block's header (xz file format, 3.1): its size, flags, filter 0x21, one byte of properties: the dictionary.
    assert data[14:16] == b"\x21\x01"
    data[16] = 40
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = zlib.crc32(data[12 : 12 + size - 4]).to_bytes(4, "little")
    answer = bench.try_aci(bytes(data))
    assert "compression" in answer["refusal"], answer


@pytest.mark.threat("T18")
@pytest.mark.parametrize("window", [0x58 + 8, 21 << 3, 31 << 3])
def test_zstd_with_a_huge_window_is_refused(bench: Rig, window: int) -> None:
    w = Writer("ustar", "layer")
    plain = w.archive(w.file(b"x", b"1" * 700))
    frame = (
        b"\x28\xb5\x2f\xfd\x00"
        + bytes([window])
        + (len(plain) << 3 | 1).to_bytes(3, "little")
        + plain
    )
    answer = bench.try_layer(frame)
    assert "value" in answer if window < 14 << 3 else "refusal" in answer, answer


@pytest.mark.threat("T16", "T18")
@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_one_huge_hole_costs_no_time(bench: Rig, form: str) -> None:
    w = Writer("gnu", form)
    for size in (7 * GIB, 9 * GIB, 2**50):
        answer = bench.read(
            "unpacked" if form == "aci" else "layer",
            w.archive(sparse(((size - 512, 512),), size, 512, w.top + b"x")),
        )
        assert on_disk(bench.place / "tree") < MIB, answer


@pytest.mark.threat("T20")
@pytest.mark.parametrize("form", ["aci", pytest.param("layer", marks=pytest.mark.thorough)])
def test_a_tree_of_implied_directories_stops_early(bench: Rig, form: str) -> None:
    """Each member names 200 directories that are not there yet."""
    w = Writer("gnu", form)
    members = [w.file(b"%d/" % n + b"d/" * 200 + b"x", b"") for n in range(500)]
    answer = bench.read("unpacked" if form == "aci" else "layer", w.archive(*members))
    assert "too many directories" in answer["refusal"], answer


@pytest.mark.threat("T20")
def test_a_million_members_are_too_many(bench: Rig) -> None:
    """Device nodes in `dev` are left out, so this asks for no disk, only for patience."""
    whole = bytearray(header(b"rootfs/dev/0000000", b"3"))
    number = slice(11, 18)
    blank = sum(whole) - sum(whole[148:156]) + 8 * 0x20 - sum(whole[number])
    squeezer = zlib.compressobj(1, wbits=31)
    w = Writer("ustar", "aci")
    parts = [squeezer.compress(w.archive(w.dir(b"dev"), end=b""))]
    for n in range(1_000_001):
        digits = b"%07d" % (n * 7919 % 10_000_000)
        whole[number] = digits
        whole[148:156] = b"%06o\0 " % (blank + sum(digits))
        parts.append(squeezer.compress(whole))
    parts.append(squeezer.compress(bytes(1024)) + squeezer.flush())
    answer = bench.read("aci", b"".join(parts), seconds=60)
    assert "more than 1000000 members" in answer["refusal"], answer
    assert on_disk(bench.place / "data/tmp") == 0
