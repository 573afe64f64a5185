# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoder that was taken over can send what it wants: it is refused, and ended."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.errors import PodwrightError
from podwright.stage0.render import memberframes, tarfields
from podwright.stage0.render.aci import AciUnpacker
from podwright.stage0.render.feed import TarFeed
from podwright.stage0.render.memberframes import FrameFeed
from podwright.stage0.render.tarread import Source
from tests.unit.stage0.rawtar import aci, directory, file, gnu_long, hardlink, pax, symlink

ARCHIVE = aci(
    directory(b"rootfs/d/"), file(b"rootfs/d/f", b"x" * 2000), hardlink(b"rootfs/h", b"rootfs/d/f"),
    symlink(b"rootfs/s", b"d/f"), gnu_long(b"rootfs/" + b"n" * 200) + file(b"rootfs/n", b"y" * 70_000),
    pax((b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.xattr.user.b", b"2")) + file(b"rootfs/attributes"),
    pax((b"GNU.sparse.map", b"5,10"), (b"GNU.sparse.numblocks", b"1"), (b"GNU.sparse.size", b"99"))
    + file(b"rootfs/sparse", b"x" * 10),
)  # fmt: skip
HEAD = struct.Struct("=c?HIIQQQHHII")


def frames(archive: bytes = ARCHIVE) -> bytes:
    """What an honest decoder sends."""
    fd = os.memfd_create("frames")
    try:
        memberframes.send(TarFeed(Source(iter([archive])), tarfields.clean), fd, lambda: b"D" * 64)
        return os.pread(fd, 10**6, 0)
    finally:
        os.close(fd)


def feed(data: bytes, size: int = 1000, most: int = 10**6) -> FrameFeed:
    def chunks() -> Iterator[memoryview]:
        buffer = bytearray(size)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            buffer[: len(piece)] = piece
            yield memoryview(buffer)[: len(piece)]

    return FrameFeed(Source(chunks()), tarfields.clean, 64, most)  # type: ignore[arg-type]


def unpack(source: FrameFeed, tree: Path) -> None:
    (tree / "rootfs").mkdir(parents=True)
    unpacker = AciUnpacker(str(tree), source)
    try:
        unpacker.run()
    finally:
        unpacker.close()


def head(kind: bytes = b"0", **fields: int) -> bytes:
    names = (
        "sparse",
        "mode",
        "uid",
        "gid",
        "mtime",
        "size",
        "real",
        "name",
        "link",
        "attributes",
        "parts",
    )
    values = {**dict.fromkeys(names, 0), "mode": 0o644, "name": 8}
    values.update(fields)
    return HEAD.pack(kind, bool(values.pop("sparse")), *values.values())


@pytest.mark.parametrize("size", [17, 1000, 1_000_000])
def test_what_is_sent_comes_out_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    source = feed(frames(), size)
    unpack(source, tmp_path)
    assert source.plain == b"D" * 64
    assert (tmp_path / "rootfs/d/f").read_bytes() == b"x" * 2000
    assert (tmp_path / "rootfs" / ("n" * 200)).read_bytes() == b"y" * 70_000
    assert (tmp_path / "rootfs/sparse").read_bytes() == bytes(5) + b"x" * 10 + bytes(84)
    assert sorted(os.listxattr(tmp_path / "rootfs/attributes")) == ["user.a", "user.b"]


@pytest.mark.threat("T01", "T04", "T13", "T14")
@pytest.mark.parametrize(
    "frame",
    [
        head(b"7"), head(b"\0"), head(b"L"), head(b"3", size=1),
        head(name=11) + b"../../etc/x", head(name=11) + b"rootfs/../x", head(name=4) + b"/abs", head(name=0),
        head(name=9) + b"rootfs/\0x", head(name=60_000) + b"x" * 60_000, head(name=4095) + b"d/" * 2047 + b"x",
        head(mode=0o10000), head(uid=2**32 - 1), head(gid=2**32 - 1), head(mtime=2**64 - 1),
        head(size=1, real=2), head(b"5", size=5, real=5), head(size=2**40, real=2**40),
        head(b"2", link=60_000) + b"x" * 60_008, head(b"1", link=3) + b"rootfs/x../", head(attributes=2**31),
        head(attributes=5) + b"rootfs/x12345", head(attributes=7) + b"rootfs/x" + struct.pack("=HI", 5, 50) + b"x",
        head(parts=2**31), head(parts=16) + b"rootfs/x" + bytes(16), head(sparse=1, parts=8) + b"rootfs/x" + bytes(8),
        head(sparse=1, real=9, size=9, parts=16) + b"rootfs/x" + struct.pack("=QQ", 5, 9),
        head(sparse=1, real=2**50) + b"rootfs/x", head(b"E", size=5) + b"12345", head(b"E", size=64) + bytes(63),
    ],
    ids=range(30),
)  # fmt: skip
def test_frames_that_no_honest_decoder_sends_are_refused(tmp_path: Path, frame: bytes) -> None:
    with pytest.raises(PodwrightError):
        unpack(feed(frame + bytes(200_000)), tmp_path)
    assert os.listdir(tmp_path / "rootfs") == []


@pytest.mark.threat("T18")
def test_more_content_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PodwrightError, match="more than the limit"):
        unpack(feed(frames(), most=50_000), tmp_path)


@pytest.mark.threat("T25")
def test_mutated_frames_never_do_more_than_be_refused(tmp_path: Path) -> None:
    """Seeded: one to four bytes changed, or the end cut off."""
    good = frames()
    chance = random.Random(20260901)
    for case in range(400):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data) if case % 2 else 400)] = chance.randrange(256)
        tree = tmp_path / str(case)
        try:
            unpack(
                feed(bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])), tree
            )
        except PodwrightError as err:
            assert err.sentence().isprintable()
    assert sorted(os.listdir(tmp_path)) == sorted(str(case) for case in range(400))
