# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressions: whole streams come out as they went in, others are refused, bombs stop; with every library there is."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import sys
from collections.abc import Callable, Iterator

import pytest
import zstandard

from podwright.errors import ImageError
from podwright.stage0.render import decompress
from tests.unit.stage0.rawtar import aci, file

DATA = aci(file(b"rootfs/one", os.urandom(200_000)), file(b"rootfs/two", b"2" * 300_000))
SKIPPABLE = struct.pack("<II", 0x184D2A53, 5) + b"hello"


def zstd(data: bytes, level: int = 3) -> bytes:
    return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)


SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip with zlib": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}


@pytest.fixture(params=SQUEEZE)
def squeeze(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bytes], bytes]:
    """A compressor; its decompressor is isal's or zlib's for gzip."""
    if request.param == "gzip with zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    elif request.param == "gzip":
        assert "isal" in type(decompress.codec("gzip")()._inner).__module__  # type: ignore[attr-defined]
    return SQUEEZE[request.param]


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def plain(data: bytes, size: int = 100_003) -> bytes:
    return b"".join(decompress.plain(pieces(data, size), decompress.Limits()))


@pytest.mark.parametrize("size", [977, 100_003, 10_000_000])
def test_what_was_compressed_comes_out(squeeze: Callable[[bytes], bytes], size: int) -> None:
    assert plain(squeeze(DATA), size) == DATA


@pytest.mark.threat("T17", "T19")
def test_several_streams_are_one(squeeze: Callable[[bytes], bytes]) -> None:
    assert plain(squeeze(DATA[:1000]) + squeeze(b"") + squeeze(DATA[1000:]), 50_021) == DATA


@pytest.mark.threat("T17", "T19")
def test_a_stream_is_whole_or_refused(squeeze: Callable[[bytes], bytes]) -> None:
    data = squeeze(DATA)
    half = len(data) // 2
    other = gzip.compress(b"") if data[:2] != b"\x1f\x8b" else bz2.compress(b"")
    for spoiled in (
        data[:-1], data[:half], data + b"junk", data + bytes(7), data[:-4] + b"xxxx", data + data[:20], data + other,
        data[:half] + b"\xff" * 64 + data[half + 64 :],
    ):  # fmt: skip
        with pytest.raises(ImageError) as caught:
            plain(spoiled)
        assert caught.value.sentence().isprintable()


@pytest.mark.threat("T18")
def test_a_bomb_stops_early(squeeze: Callable[[bytes], bytes]) -> None:
    bomb = squeeze(DATA[:512] + bytes(400_000_000))
    limits = decompress.Limits()
    with pytest.raises(ImageError, match="more than 200 times its size"):
        for piece in decompress.plain(pieces(bomb, 100_003), limits):
            assert len(piece) < 34 * 1024**2
    assert limits.given < decompress.RATIO_FROM + 40 * 1024**2


def test_skippable_frames_are_skipped() -> None:
    data = SKIPPABLE + zstd(DATA[:5000]) + SKIPPABLE + zstd(DATA[5000:]) + SKIPPABLE
    assert plain(data) == DATA
    assert plain(data, 3) == DATA


@pytest.mark.threat("T18")
def test_a_window_of_zstd_is_bounded() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=24)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(ImageError, match="compression is damaged"):
        plain(stream.compress(DATA) + stream.flush())
    assert plain(zstd(DATA, 19)) == DATA


def test_zstd_without_its_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImageError) as caught:
        plain(zstd(DATA))
    assert "Python package zstandard; install python3-zstandard" in caught.value.sentence()


@pytest.mark.threat("T18")
@pytest.mark.parametrize("count", [100_000])
def test_very_many_tiny_streams_are_refused(squeeze: Callable[[bytes], bytes], count: int) -> None:
    with pytest.raises(ImageError, match="too many tiny streams"):
        plain(squeeze(DATA[:1024]) + squeeze(b"") * count)
