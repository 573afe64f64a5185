# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that attack (threats.md T01 to T23): refused or harmless; legal oddities: unpacked as GNU tar does."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podwright.errors import ImageError
from podwright.stage0.render import decompress, unpack
from podwright.stage0.render.ingest import Ingested, ingest
from tests.unit.stage0.rawtar import (
    END,
    MANIFEST,
    aci,
    base256,
    directory,
    file,
    gnu_long,
    hardlink,
    header,
    octal,
    padded,
    pax,
    raw_pax,
    symlink,
)

Unpack = Callable[[bytes], Ingested]
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def pieces(data: bytes, size: int = 100_003) -> Iterator[bytes]:
    """Data as it arrives: in chunks that end anywhere."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file next to the tree that nothing may touch."""
    canary = tmp_path / "canary"
    canary.write_text("untouched")
    return canary


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    """The root that comes out, in a private directory."""
    path = tmp_path / "tree" / "rootfs"
    path.parent.mkdir(mode=0o700)
    return path


@pytest.fixture
def unpacked(rootfs: Path, outside: Path) -> Iterator[Unpack]:
    """Unpack bytes into `rootfs`; whatever happens, the canary stays as it is."""
    before = outside.stat()

    def run(data: bytes) -> Ingested:
        shutil.rmtree(rootfs.parent)
        rootfs.parent.mkdir(mode=0o700)
        return ingest(pieces(data), str(rootfs.parent), "aci", shown="x")

    yield run
    after = outside.stat()
    assert outside.read_text() == "untouched"
    assert [getattr(before, f) for f in ("st_mode", "st_uid", "st_nlink", "st_mtime_ns")] == [
        getattr(after, f) for f in ("st_mode", "st_uid", "st_nlink", "st_mtime_ns")
    ]
    assert set(os.listdir(rootfs.parent)) <= {"mtree", "rootfs"}


def refusal(unpack_it: Unpack, data: bytes) -> str:
    """The sentence with which an archive is refused: one printable line."""
    with pytest.raises(ImageError) as caught:
        unpack_it(data)
    sentence = caught.value.sentence()
    assert sentence.isprintable()
    return sentence


@pytest.mark.threat("T24")
@pytest.mark.parametrize("squeeze", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_plain_image_comes_out_as_it_went_in(
    unpacked: Unpack, rootfs: Path, squeeze: Callable[[bytes], bytes]
) -> None:
    big = os.urandom(300_000)
    found = unpacked(
        squeeze(
            aci(
                directory(b"rootfs/bin/", mode=0o750, uid=3, gid=4, mtime=7),
                file(b"rootfs/bin/app", big, mode=0o4755, uid=1, gid=2, mtime=5),
                symlink(b"rootfs/abs", b"/etc/passwd"),
                hardlink(b"rootfs/bin/same", b"rootfs/bin/app"),
                header(b"rootfs/pipe", b"6", mode=0o600),
                file(b"rootfs/empty"),
            )
        )
    )
    assert found.manifest == MANIFEST
    assert (found.members, found.size) == (8, len(big))
    app = (rootfs / "bin/app").stat()
    assert (rootfs / "bin/app").read_bytes() == big
    assert (app.st_mode & 0o7777, app.st_uid, app.st_gid, app.st_mtime) == (0o4755, 1, 2, 5)
    assert app.st_ino == (rootfs / "bin/same").stat().st_ino
    top = (rootfs / "bin").stat()
    assert (top.st_mode & 0o7777, top.st_uid, top.st_gid, top.st_mtime) == (0o750, 3, 4, 7)
    assert os.readlink(rootfs / "abs") == "/etc/passwd"


@pytest.mark.threat("T13")
def test_owners_are_those_of_the_image_also_below_a_setgid_directory(
    unpacked: Unpack, rootfs: Path
) -> None:
    rootfs.parent.parent.chmod(0o2755)
    os.chown(rootfs.parent.parent, 0, 4242)
    rootfs.parent.parent.chmod(0o2755)
    unpacked(
        aci(
            directory(b"rootfs/d/"),
            file(b"rootfs/d/f"),
            file(b"rootfs/implied/f"),
            symlink(b"rootfs/d/l", b"f"),
            header(b"rootfs/d/p", b"6"),
        )
    )
    for path in (rootfs, *rootfs.rglob("*")):
        found = path.lstat()
        assert (path, found.st_uid, found.st_gid) == (path, 0, 0)
        assert not found.st_mode & 0o2000


@pytest.mark.threat("T01")
@pytest.mark.parametrize(
    "name",
    [
        b"../canary", b"/canary", b"rootfs/../canary", b"rootfs/a/../../canary", b"..", b"//canary",
        b"", b".", b"rootfs//x", b"rootfs/./x", b"rootfs/x/", b"rootfs", b"rootfsX/a", b"canary",
        b"./../canary", b"rootfs/..", b"./", b"rootfs/x\xff/../../canary",
    ],
)  # fmt: skip
def test_paths_that_leave_the_root_are_refused(unpacked: Unpack, name: bytes) -> None:
    refusal(unpacked, aci(file(name, b"evil")))
    refusal(unpacked, aci(pax((b"path", name)) + file(b"rootfs/x", b"evil")))


@pytest.mark.threat("T01")
@pytest.mark.parametrize(
    "name", [b"../d", b"/d", b"rootfs/../../d", b"rootfs/..", b"..", b"other/"]
)
def test_directories_that_leave_the_root_are_refused(unpacked: Unpack, name: bytes) -> None:
    refusal(unpacked, aci(directory(name)))


@pytest.mark.threat("T02", "T06")
@pytest.mark.parametrize(
    "target", [b"..", b"/", b"../../..", b"/proc/self/root", b"missing", b"d2"]
)
def test_nothing_is_written_through_a_symbolic_link(
    unpacked: Unpack, tmp_path: Path, target: bytes
) -> None:
    link = symlink(b"rootfs/d", target)
    for member in (
        file(b"rootfs/d/canary", b"evil"),
        directory(b"rootfs/d/sub/"),
        symlink(b"rootfs/d/link", b"x"),
        header(b"rootfs/d/pipe", b"6"),
        hardlink(b"rootfs/d/hard", b"rootfs/file"),
    ):
        sentence = refusal(
            unpacked, aci(file(b"rootfs/file", b"x"), directory(b"rootfs/d2/"), link, member)
        )
        assert "link or a file" in sentence or "occurs twice" in sentence


@pytest.mark.threat("T02", "T06")
def test_a_chain_of_links_to_the_top_does_not_lead_out(unpacked: Unpack) -> None:
    links = [symlink(b"rootfs/a", b"b"), symlink(b"rootfs/b", b"c"), symlink(b"rootfs/c", b"..")]
    refusal(unpacked, aci(*links, file(b"rootfs/a/canary", b"evil")))


@pytest.mark.threat("T04")
def test_the_path_max_trick_against_extractall_does_not_work(
    unpacked: Unpack, rootfs: Path
) -> None:
    """CVE-2025-4517: a chain whose expansion is longer than PATH_MAX was taken for harmless."""
    part, members, path = b"d" * 247, [], b""
    for letter in b"abcdefghijklmnop":
        members.append(pax((b"path", b"rootfs/" + path + part)) + directory(b"rootfs/x/"))
        name = b"rootfs/" + path + bytes([letter])
        members.append(pax((b"path", name), (b"linkpath", part)) + symlink(b"rootfs/x", b"x"))
        path += part + b"/"
    chain = b"/".join(bytes([letter]) for letter in b"abcdefghijklmnop")
    members.append(
        pax((b"path", b"rootfs/" + chain + b"/" + b"l" * 254)) + symlink(b"rootfs/x", b"../" * 16)
    )
    members.append(
        pax((b"linkpath", chain + b"/" + b"l" * 254 + b"/..")) + symlink(b"rootfs/escape", b"x")
    )
    members.append(file(b"rootfs/escape/canary", b"evil"))
    refusal(unpacked, aci(*members))


@pytest.mark.threat("T03", "T05")
@pytest.mark.parametrize(
    "target",
    [
        b"../canary", b"/etc/passwd", b"manifest", b"rootfs/../canary", b"rootfs/later",
        b"rootfs/me", b"rootfs/link", b"rootfs/d", b"rootfs", b"", b"rootfs/link/x", b"rootfs/no/x",
    ],
)  # fmt: skip
def test_hard_links_reach_only_files_that_are_there(unpacked: Unpack, target: bytes) -> None:
    refusal(
        unpacked,
        aci(
            symlink(b"rootfs/link", b"../../canary"),
            directory(b"rootfs/d/"),
            hardlink(b"rootfs/me", target),
            file(b"rootfs/later"),
        ),
    )


@pytest.mark.threat("T07")
@pytest.mark.parametrize(
    "data",
    [
        aci(file(b"manifest", MANIFEST)),
        aci(directory(b"rootfs/")),
        aci(file(b"extra")),
        file(b"manifest", MANIFEST) + END,
        directory(b"rootfs/") + END,
        directory(b"rootfs/") + symlink(b"manifest", b"/etc/passwd") + END,
        directory(b"rootfs/") + header(b"manifest", b"6") + END,
        directory(b"rootfs/") + hardlink(b"manifest", b"rootfs/x") + END,
        directory(b"rootfs/") + directory(b"manifest/") + END,
        file(b"manifest", MANIFEST) + symlink(b"rootfs", b"/") + END,
        file(b"manifest", MANIFEST) + header(b"rootfs", b"6") + END,
        file(b"manifest", MANIFEST) + file(b"rootfs", b"") + END,
        file(b"manifest", MANIFEST) + symlink(b".", b"/") + END,
        file(b"manifest", b" " * (4 * 1024 * 1024 + 1)) + directory(b"rootfs/") + END,
        file(b"manifest", MANIFEST) + file(b"rootfs/only", b"") + END,
        END,
        bytes(10240),
    ],
    ids=range(17),
)
def test_the_top_level_is_exactly_a_manifest_and_a_rootfs(unpacked: Unpack, data: bytes) -> None:
    refusal(unpacked, data)


@pytest.mark.threat("T08")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (file(b"rootfs/x", b"1"), file(b"rootfs/x", b"2")),
        (directory(b"rootfs/x/"), file(b"rootfs/x", b"2")),
        (file(b"rootfs/x", b"1"), directory(b"rootfs/x/")),
        (directory(b"rootfs/x/"), directory(b"rootfs/x/")),
        (symlink(b"rootfs/x", b".."), file(b"rootfs/x", b"2")),
        (symlink(b"rootfs/x", b".."), directory(b"rootfs/x/")),
        (file(b"rootfs/x/y", b"1"), symlink(b"rootfs/x", b"..")),
        (header(b"rootfs/x", b"6"), file(b"rootfs/x", b"2")),
    ],
)
def test_no_path_occurs_twice_whatever_its_type(
    unpacked: Unpack, first: bytes, second: bytes
) -> None:
    assert "occurs twice" in refusal(unpacked, aci(first, second))


@pytest.mark.threat("T09")
def test_whiteout_names_are_ordinary_names_in_an_aci(unpacked: Unpack, rootfs: Path) -> None:
    names = [b".wh.x", b".wh..", b".wh...", b".wh..wh..opq", b"x"]
    unpacked(aci(*(file(b"rootfs/" + name) for name in names)))
    assert sorted(os.listdir(os.fsencode(rootfs))) == sorted(names)
    refusal(unpacked, aci(file(b"rootfs/.wh.a/../b")))


@pytest.mark.threat("T11")
@pytest.mark.parametrize(
    "member",
    [
        header(b"rootfs/sda", b"4", mode=0o666),
        header(b"rootfs/etc/null", b"3"),
        header(b"rootfs/dev/deep/null", b"3"),
        header(b"rootfs/x", b"V"),
        header(b"rootfs/x", b"M"),
        header(b"rootfs/x", b"D"),
        header(b"rootfs/x", b"X"),
        header(b"rootfs/x", b"s"),
        header(b"rootfs/x", b"\xff"),
    ],
)
def test_special_members_are_refused(unpacked: Unpack, member: bytes) -> None:
    refusal(unpacked, aci(member))


@pytest.mark.threat("T11")
def test_device_nodes_in_dev_are_left_out(unpacked: Unpack, rootfs: Path) -> None:
    found = unpacked(aci(directory(b"rootfs/dev/"), header(b"rootfs/dev/null", b"3")))
    assert (found.left_out, os.listdir(rootfs / "dev")) == (1, [])


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    "fields",
    [
        {"uid": base256(-1, 8)}, {"uid": base256(2**32 - 1, 8)}, {"gid": base256(2**32, 8)},
        {"uid": base256(2**40, 8)}, {"uid": b"-1\0\0\0\0\0\0"}, {"gid": b"99999999"},
    ],
)  # fmt: skip
def test_owners_out_of_range_are_refused(unpacked: Unpack, fields: dict[str, bytes]) -> None:
    refusal(unpacked, aci(header(b"rootfs/x", **fields)))  # type: ignore[arg-type]


@pytest.mark.threat("T13")
@pytest.mark.parametrize(
    "value", [b"-1", b"4294967295", b"4294967296", b"root", b"", b"1.5", b" 1"]
)
def test_pax_owners_out_of_range_are_refused(unpacked: Unpack, value: bytes) -> None:
    refusal(unpacked, aci(pax((b"uid", value)) + file(b"rootfs/x")))
    refusal(unpacked, aci(pax((b"gid", value)) + file(b"rootfs/x")))


@pytest.mark.threat("T13")
def test_large_owners_in_range_are_kept_by_number(unpacked: Unpack, rootfs: Path) -> None:
    unpacked(
        aci(
            header(b"rootfs/a", uid=base256(3_000_000_000, 8), gid=65535),
            pax((b"uid", b"4294967294"), (b"uname", b"root")) + file(b"rootfs/b"),
        )
    )
    assert (rootfs / "a").stat().st_uid == 3_000_000_000
    assert (rootfs / "b").stat().st_uid == 4294967294


@pytest.mark.threat("T14")
@pytest.mark.parametrize(
    "size",
    [
        base256(-1, 12), base256(-512, 12), base256(2**63, 12), base256(2**63 - 1, 12),
        b"9" * 12, b"-1\0" + bytes(9), b" " * 12, b"0x10\0" + bytes(7), b"1_0\0" + bytes(8),
        b"12\x0034567\0" + bytes(3), b"\xc0" + bytes(11), octal(8**11 - 1, 12),
    ],
)  # fmt: skip
def test_sizes_that_are_none_are_refused(unpacked: Unpack, size: bytes) -> None:
    refusal(unpacked, aci(header(b"rootfs/x", size=size) + padded(b"x" * 20)))


@pytest.mark.threat("T14")
@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"5", b"6"])
def test_only_files_have_a_size(unpacked: Unpack, kind: bytes) -> None:
    content = padded(b"x" * 512)
    assert "is not a file but has a size" in refusal(
        unpacked, aci(header(b"rootfs/x", kind, size=512, link=b"rootfs/y") + content)
    )


@pytest.mark.threat("T15", "T22")
@pytest.mark.parametrize(
    "member",
    [
        pax((b"size", b"0")) + file(b"rootfs/x", b"x" * 600),
        pax((b"size", b"1024")) + file(b"rootfs/x", b"x" * 512),
        pax((b"path", b"rootfs/a")) + gnu_long(b"rootfs/b") + file(b"rootfs/c"),
        gnu_long(b"rootfs/b") + pax((b"path", b"rootfs/a")) + file(b"rootfs/c"),
        gnu_long(b"rootfs/b") + gnu_long(b"rootfs/d") + file(b"rootfs/c"),
        pax((b"path", b"rootfs/a")) + pax((b"path", b"rootfs/b")) + file(b"rootfs/c"),
        pax((b"path", b"rootfs/a"), (b"path", b"rootfs/b")) + file(b"rootfs/c"),
        pax((b"path", b"rootfs/a"), kind=b"g") + file(b"rootfs/c"),
        pax((b"size", b"512"), kind=b"g") + file(b"rootfs/c"),
        pax((b"GNU.sparse.realsize", b"99")) + file(b"rootfs/c"),
        pax((b"path", b"rootfs/a\0b")) + file(b"rootfs/c"),
        pax((b"no.such.key", b"1")) + file(b"rootfs/c"),
        raw_pax(b"12 path=rootfs/a\n") + file(b"rootfs/c"),
        raw_pax(b"99 path=rootfs/a\n") + file(b"rootfs/c"),
        raw_pax(b"0 path=a\n") + file(b"rootfs/c"),
        raw_pax(b"17 path=rootfs/a") + file(b"rootfs/c"),
        raw_pax(b"-9 path=a\n") + file(b"rootfs/c"),
        raw_pax(b"5 a=\n\n") + file(b"rootfs/c"),
        raw_pax(b"4 a\n") + file(b"rootfs/c"),
        gnu_long(b"rootfs/a\0b") + file(b"rootfs/c"),
        gnu_long(b"rootfs/dir/") + header(b"rootfs/c", b"\0"),
        header(b"rootfs/c", checksum=1),
        pax((b"mtime", b"1e400")) + file(b"rootfs/c"),
        pax((b"mtime", b"nan")) + file(b"rootfs/c"),
        pax((b"mtime", b"1" * 20)) + file(b"rootfs/c"),
    ],
    ids=range(25),
)
def test_where_readers_disagree_the_archive_is_refused(unpacked: Unpack, member: bytes) -> None:
    refusal(unpacked, aci(member))


@pytest.mark.threat("T16")
@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
@pytest.mark.parametrize("claim", [2**20 + 1, 8 * 2**30, 2**62])
def test_an_extension_header_is_not_read_because_it_claims_to_be_long(
    unpacked: Unpack, kind: bytes, claim: int
) -> None:
    huge = header(b"x", kind, size=base256(claim, 12))
    assert "extension header" in refusal(unpacked, aci(huge, file(b"rootfs/x")))


@pytest.mark.threat("T16")
def test_100000_records_are_read_in_no_time(unpacked: Unpack) -> None:
    body = b"".join(b"9 %05x=\n" % n for n in range(100_000))
    refusal(unpacked, aci(raw_pax(body), file(b"rootfs/x")))


GOOD = aci(file(b"rootfs/one", b"1" * 600), file(b"rootfs/two", b"2" * 600))


@pytest.mark.threat("T17")
@pytest.mark.parametrize(
    "data",
    [
        GOOD[:-1024], GOOD[:-512], GOOD[:512], GOOD[:1024], GOOD[:-2048], GOOD[:-1500], GOOD[:700],
        GOOD[:3072] + b"x" * 512 + GOOD[3584:],
        GOOD + GOOD, GOOD + b"x", GOOD + bytes(512) + b"junk",
        GOOD[:-1024] + bytes(512) + GOOD[1024:],
    ],
    ids=range(12),
)  # fmt: skip
@pytest.mark.parametrize("squeeze", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_nothing_is_lost_silently(
    unpacked: Unpack, data: bytes, squeeze: Callable[[bytes], bytes]
) -> None:
    refusal(unpacked, squeeze(data))


@pytest.mark.threat("T17")
@pytest.mark.parametrize("padding", [0, 512, 10240 - 1024])
def test_zeros_after_the_end_are_fine(unpacked: Unpack, padding: int) -> None:
    assert unpacked(GOOD + bytes(padding)).members == 4


@pytest.mark.threat("T19")
@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_compressed_stream_is_whole_or_refused(unpacked: Unpack, name: str) -> None:
    data = COMPRESSIONS[name](GOOD)
    for spoiled in (
        data[:-1], data[: len(data) // 2], data + b"junk", data + b"\0" * 7, data[:-6] + b"xxxxxx",
        data + data[:20], data + COMPRESSIONS["xz" if name == "gzip" else "gzip"](b""),
    ):  # fmt: skip
        refusal(unpacked, spoiled)


@pytest.mark.threat("T17")
@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_several_streams_in_a_row_are_one(unpacked: Unpack, name: str, rootfs: Path) -> None:
    squeeze = COMPRESSIONS[name]
    assert unpacked(squeeze(GOOD[:1000]) + squeeze(GOOD[1000:])).members == 4
    assert (rootfs / "two").read_bytes() == b"2" * 600


@pytest.mark.threat("T17")
def test_two_whole_archives_in_a_row_are_refused_also_when_compressed(unpacked: Unpack) -> None:
    refusal(unpacked, gzip.compress(GOOD) + gzip.compress(GOOD))


@pytest.mark.threat("T19")
@pytest.mark.parametrize("data", [b"", b"x", b"PK\x03\x04" + bytes(600), b"\x7fELF" + bytes(900)])
def test_what_is_no_archive_is_refused(unpacked: Unpack, data: bytes) -> None:
    refusal(unpacked, data)


@pytest.mark.threat("T18")
def test_a_bomb_stops_at_the_ratio(unpacked: Unpack, rootfs: Path) -> None:
    """1 GiB of zeros in a file; no more than the ratio's start is ever written."""
    squeezer = zlib.compressobj(9, wbits=31)
    parts = [squeezer.compress(aci(end=b"") + header(b"rootfs/zeros", size=2**30))]
    parts += [squeezer.compress(bytes(2**20)) for _ in range(2**10)]
    bomb = b"".join(parts) + squeezer.flush()
    assert "more than 200 times" in refusal(unpacked, bomb)
    assert sum(path.stat().st_size for path in rootfs.iterdir()) <= decompress.RATIO_FROM


@pytest.mark.threat("T18")
def test_the_absolute_cap_stops_it_too() -> None:
    limits = decompress.Limits(most=1_000_000)
    with pytest.raises(ImageError, match="more than the limit of 1000000 bytes"):
        list(decompress.plain(pieces(GOOD + bytes(2_000_000)), limits))


@pytest.mark.threat("T18", "T19")
def test_a_million_empty_streams_cost_nothing(unpacked: Unpack) -> None:
    assert "tiny streams" in refusal(
        unpacked, gzip.compress(GOOD[:-512]) + gzip.compress(b"") * 100_000
    )


@pytest.mark.threat("T20")
def test_too_many_directories_and_too_deep_ones_are_refused(
    unpacked: Unpack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_DIRECTORIES", 100)
    assert "more than 100 directories" in refusal(
        unpacked, aci(*(directory(b"rootfs/%d/" % n) for n in range(101)))
    )
    deep = b"rootfs/" + b"d/" * 300 + b"x"
    assert "deeper than 256" in refusal(unpacked, aci(pax((b"path", deep)) + file(b"rootfs/x")))
    long = b"rootfs/" + b"/".join([b"p" * 255] * 17)
    assert "longer than 4096" in refusal(unpacked, aci(pax((b"path", long)) + file(b"rootfs/x")))
    part = b"rootfs/" + b"p" * 256
    assert "part of more than 255" in refusal(
        unpacked, aci(pax((b"path", part)) + file(b"rootfs/x"))
    )


@pytest.mark.threat("T20")
def test_too_many_members_are_refused(unpacked: Unpack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_ENTRIES", 50)
    assert "more than 50 members" in refusal(
        unpacked, aci(*(file(b"rootfs/%d" % n) for n in range(60)))
    )


@pytest.mark.threat("T20")
@pytest.mark.parametrize("depth", [1, 100, 255])
def test_deep_but_legal_trees_come_out(unpacked: Unpack, rootfs: Path, depth: int) -> None:
    path = b"d/" * (depth - 1) + b"x"
    unpacked(aci(pax((b"path", b"rootfs/" + path)) + file(b"rootfs/x", b"deep")))
    assert (rootfs / os.fsdecode(path)).read_text() == "deep"


@pytest.mark.threat("T20")
def test_more_directories_than_are_kept_open(unpacked: Unpack, rootfs: Path) -> None:
    count = unpack.OPEN_DIRECTORIES * 2
    members = [directory(b"rootfs/%d/" % n, mtime=n) for n in range(count)]
    members += [file(b"rootfs/%d/f" % (n * 7 % count), b"x") for n in range(count)]
    members += [
        hardlink(b"rootfs/%d/h" % n, b"rootfs/%d/f" % (count - 1 - n)) for n in range(count)
    ]
    before = len(os.listdir("/proc/self/fd"))
    unpacked(aci(*members))
    assert len(os.listdir("/proc/self/fd")) == before
    assert all((rootfs / f"{n}").stat().st_mtime == n for n in range(count))
    assert all((rootfs / f"{n}/f").stat().st_nlink == 2 for n in range(count))


NAMES = [
    b"\xff\xfe", b"new\nline", b"\x1b[31mred", b"\xe2\x80\xaertl", b"p" * 255, b"trailing ",
    "\u00e9".encode(), "e\u0301".encode(), b"-rf", b"a:b", b"back\\slash", b" ",
]  # fmt: skip


@pytest.mark.threat("T21")
def test_names_are_kept_byte_for_byte(unpacked: Unpack, rootfs: Path) -> None:
    unpacked(aci(*(gnu_long(b"rootfs/" + name) + file(b"rootfs/x", b"1") for name in NAMES)))
    assert sorted(os.listdir(os.fsencode(rootfs))) == sorted(NAMES)


@pytest.mark.threat("T21")
def test_hostile_names_are_shown_escaped(unpacked: Unpack) -> None:
    for name in NAMES:
        refusal(unpacked, aci(gnu_long(b"outside/" + name) + file(b"x")))


@pytest.mark.threat("T22")
@pytest.mark.parametrize(
    ("mtime", "expected"),
    [
        (base256(-1, 12), 0), (base256(2**63, 12), 2**34 - 1), (octal(1_700_000_000, 12), 1_700_000_000),
        (b" " * 12, 0),
    ],
)  # fmt: skip
def test_times_are_kept_within_reason(
    unpacked: Unpack, rootfs: Path, mtime: bytes, expected: int
) -> None:
    unpacked(aci(header(b"rootfs/x", mtime=mtime)))
    found = (rootfs / "x").stat().st_mtime
    # The file system may hold less than we do (ext4: until 2446).
    assert found == expected or (expected == 2**34 - 1 and found < expected)


@pytest.mark.threat("T22")
def test_pax_times_have_nanoseconds(unpacked: Unpack, rootfs: Path) -> None:
    unpacked(aci(pax((b"mtime", b"1700000000.1234567891")) + file(b"rootfs/x")))
    assert (rootfs / "x").stat().st_mtime_ns == 1_700_000_000_123_456_789


CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


@pytest.mark.threat("T10", "T12", "T23")
def test_only_harmless_attributes_are_kept(unpacked: Unpack, rootfs: Path) -> None:
    given = {
        b"user.note": b"kept", b"security.capability": CAPABILITY, b"user.overlay.opaque": b"y",
        b"trusted.overlay.redirect": b"/", b"security.selinux": b"u:r:t:s0\0", b"system.posix_acl_access": b"x",
    }  # fmt: skip
    records = [(b"SCHILY.xattr." + key, value) for key, value in given.items()]
    unpacked(aci(pax(*records) + file(b"rootfs/x")))
    found = {name: os.getxattr(rootfs / "x", name) for name in os.listxattr(rootfs / "x")}
    found.pop("security.selinux", None)  # what a host with SELinux gives every file
    assert found == {"user.note": b"kept", "security.capability": CAPABILITY}


@pytest.mark.threat("T10", "T12", "T23")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"security.capability", CAPABILITY[:3] + b"\x03" + CAPABILITY[4:] + bytes(4)),
        (b"security.capability", CAPABILITY[:-1]),
        (b"user.x", b"v" * 65537),
        (b"user.x\0y", b"v"),
        (b"user." + b"n" * 255, b"v"),
    ],
)
def test_malformed_attributes_are_refused(unpacked: Unpack, key: bytes, value: bytes) -> None:
    refusal(unpacked, aci(pax((b"SCHILY.xattr." + key, value)) + file(b"rootfs/x")))


ODDITIES: dict[str, bytes] = {
    "dot-slash names": file(b"./manifest", MANIFEST) + directory(b"./rootfs/") + file(b"./rootfs/x", b"1") + END,
    "entry for the top": directory(b"./") + aci(file(b"rootfs/x", b"1")),
    "rootfs last": file(b"rootfs/d/x", b"1") + file(b"manifest", MANIFEST) + directory(b"rootfs", mode=0o711) + END,
    "directory after its files": aci(file(b"rootfs/d/x", b"1"), directory(b"rootfs/d/", mode=0o555, mtime=9)),
    "ustar prefix": aci(file(b"name", b"1", prefix=b"rootfs/" + b"p" * 140)),
    "gnu long name": aci(gnu_long(b"rootfs/" + b"n" * 200) + file(b"rootfs/short", b"1")),
    "gnu long link": aci(gnu_long(b"/t" * 100, b"K") + symlink(b"rootfs/l", b"short")),
    "gnu both": aci(gnu_long(b"/t" * 100, b"K") + gnu_long(b"rootfs/" + b"n" * 200) + symlink(b"rootfs/l", b"s")),
    "gnu magic": aci(file(b"rootfs/x", b"1", magic=b"ustar  \0")),
    "v7 header": aci(file(b"rootfs/x", b"1", kind=b"\0", magic=b"")),
    "v7 directory": aci(header(b"rootfs/d/", b"\0", magic=b"", mode=0o755)),
    "contiguous file": aci(file(b"rootfs/x", b"1", kind=b"7")),
    "signed checksum": aci(file(b"rootfs/\xff\xfe", b"1", signed=True)),
    "spaces around numbers": aci(header(b"rootfs/x", mode=b"   644 \0", uid=b"     1 \0", size=b"          0 ")),
    "no NUL after numbers": aci(header(b"rootfs/x", mode=b"00000644", uid=b"00000001")),
    "global comment": pax((b"comment", b"0123abcd"), kind=b"g") + aci(file(b"rootfs/x", b"1")),
    "pax times": aci(pax((b"mtime", b"5.5"), (b"atime", b"1"), (b"ctime", b"2.25")) + file(b"rootfs/x")),
    "pax everything": aci(
        pax((b"path", b"rootfs/" + b"q" * 180), (b"size", b"3"), (b"uid", b"70000"), (b"gid", b"5"), (b"uname", b"u"))
        + file(b"rootfs/x", b"abc")
    ),
    "pax charset": aci(pax((b"hdrcharset", b"BINARY"), (b"path", b"rootfs/\xff")) + file(b"rootfs/x")),
    "libarchive records": aci(pax((b"LIBARCHIVE.creationtime", b"1"), (b"SCHILY.dev", b"1")) + file(b"rootfs/x")),
    "empty pax header": aci(raw_pax(b"") + file(b"rootfs/x", b"1")),
    "mode 0000": aci(file(b"rootfs/x", b"1", mode=0), directory(b"rootfs/d/", mode=0)),
    "sticky and setgid": aci(directory(b"rootfs/t/", mode=0o1777), directory(b"rootfs/g/", mode=0o2755)),
    "absolute symlink": aci(symlink(b"rootfs/l", b"/bin/sh"), symlink(b"rootfs/m", b"../../../x")),
    "dangling symlink": aci(symlink(b"rootfs/l", b"nowhere")),
    "symlink loop": aci(symlink(b"rootfs/l", b"m"), symlink(b"rootfs/m", b"l")),
    "hard link chain": aci(
        file(b"rootfs/a", b"1"), hardlink(b"rootfs/b", b"rootfs/a"), hardlink(b"rootfs/c", b"rootfs/b")
    ),
    "hard link ./": aci(file(b"rootfs/a", b"1"), hardlink(b"./rootfs/b", b"./rootfs/a")),
    "hard link to setuid": aci(file(b"rootfs/a", b"1", mode=0o4711, uid=9), hardlink(b"rootfs/b", b"rootfs/a")),
    "fifo": aci(header(b"rootfs/p", b"6", mode=0o622)),
    "uid 65535": aci(file(b"rootfs/x", uid=65535, gid=65535)),
    "junk in padding": aci(header(b"rootfs/x", size=3) + b"abc" + b"junk" * 127 + b"j"),
    "only rootfs": aci(),
    "rootfs with a mode": file(b"manifest", MANIFEST) + directory(b"rootfs/", mode=0o700, uid=5, mtime=4) + END,
    "512 bytes exactly": aci(file(b"rootfs/x", b"x" * 512)),
    "513 bytes": aci(file(b"rootfs/x", b"x" * 513)),
    "255 bytes in a part": aci(gnu_long(b"rootfs/" + b"n" * 255) + file(b"rootfs/x")),
    "100 bytes of name": aci(file(b"rootfs/" + b"n" * 93)),
    "mtime 0 and large": aci(file(b"rootfs/a", mtime=0), file(b"rootfs/b", mtime=2**31)),
    "base-256 size": aci(header(b"rootfs/x", size=base256(3, 12)) + padded(b"abc")),
}  # fmt: skip


def listing(top: Path) -> list[tuple[object, ...]]:
    """All that matters of a tree, for comparison."""
    out: list[tuple[object, ...]] = []
    for path in sorted([top, *top.rglob("*")]):
        info = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        link = os.readlink(path) if path.is_symlink() else ""
        implied = path.is_dir() and info.st_mtime > 1.5e9  # GNU tar says now there
        when = -1 if implied else info.st_mtime_ns
        name = os.fsencode(path.relative_to(top))
        owner = (info.st_uid, info.st_gid)
        out.append((name, info.st_mode, owner, info.st_nlink, when, link, content))
    return out


@pytest.mark.threat("T24")
@pytest.mark.parametrize("name", ODDITIES)
def test_legal_oddities_come_out_as_gnu_tar_unpacks_them(
    unpacked: Unpack, rootfs: Path, tmp_path: Path, name: str
) -> None:
    other = tmp_path / "gnu"
    other.mkdir()
    command = [
        "tar",
        "--extract",
        "--same-owner",
        "--numeric-owner",
        "--same-permissions",
        "-C",
        str(other),
    ]
    subprocess.run([*command, "--warning=none"], input=ODDITIES[name], check=True)
    unpacked(ODDITIES[name])
    for top in (rootfs, other / "rootfs"):
        assert top.is_dir()
    ours, theirs = listing(rootfs), listing(other / "rootfs")
    implied = [number for number, entry in enumerate(theirs) if entry[4] == -1]
    for number in implied:
        ours[number] = (*ours[number][:4], -1, *ours[number][5:])
    assert ours == theirs
