# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers (OCI image-spec, layer.md): whiteouts, repeated paths, what is taken from below, and what is refused."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podwright.errors import ImageError, VerifyError
from podwright.stage0 import treecheck
from podwright.stage0.render import mtree
from podwright.stage0.render.ingest import Ingested, ingest
from tests.unit.stage0.rawtar import END, base256, directory, file, hardlink, header, pax, symlink

OPAQUE = "trusted.overlay.opaque"


class Layers:
    """Makes layers one on top of the other: `make(members...)` → the new layer's root."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.roots: list[Path] = []
        self.last: Ingested | None = None

    def make(self, *members: bytes) -> Path:
        """Unpack a layer on top of those that were made before; its list must say what is there."""
        tree = self.base / str(len(self.roots))
        tree.mkdir(mode=0o700)
        below = [str(root) for root in reversed(self.roots)]
        data = b"".join(members) + END
        self.last = ingest(iter([data]), str(tree), "layer", shown="x", lowers=lambda: below)
        listed = mtree.rows((tree / "mtree").read_bytes(), "mtree")
        found = {entry.path: mtree.line(entry) for entry in mtree.scan(str(tree / "rootfs"))}
        assert {path: mtree.parse(row) for path, row in listed.items()} == {
            path: mtree.parse(row) for path, row in found.items()
        }
        names = [row.split(b" ")[0] for row in (tree / "mtree").read_bytes().splitlines()[1:]]
        assert len(names) == len(set(names))
        self.roots.append(tree / "rootfs")
        return self.roots[-1]

    def refused(self, *members: bytes) -> str:
        """The sentence with which a layer is refused."""
        with pytest.raises(ImageError) as caught:
            self.make(*members)
        self.roots.append(self.base / str(len(self.roots)) / "rootfs")
        return caught.value.sentence()


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    """An empty stack."""
    return Layers(tmp_path)


def is_whiteout(path: Path) -> bool:
    info = path.lstat()
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def is_opaque(path: Path) -> bool:
    return OPAQUE in os.listxattr(path)


@pytest.mark.parametrize("prefix", [b"", b"./", b"/", b".//", b"/./"])
def test_names_are_below_the_root_however_they_are_written(layers: Layers, prefix: bytes) -> None:
    root = layers.make(
        directory(prefix + b"d/"),
        file(prefix + b"d/f", b"x"),
        hardlink(prefix + b"l", prefix + b"d/f"),
    )
    assert (root / "l").stat().st_ino == (root / "d/f").stat().st_ino


@pytest.mark.threat("T01")
@pytest.mark.parametrize(
    "name", [b"../x", b"a/../x", b"/../x", b"..", b"a/..", b"", b"a\0b", b"x/"]
)
def test_names_that_leave_the_root_are_refused(layers: Layers, name: bytes) -> None:
    record = pax((b"path", name)) if name else b""
    layers.refused(record + file(name[:90], b"evil"))


@pytest.mark.threat("T09")
def test_a_whiteout_hides_what_lower_layers_have_and_not_what_this_one_has(layers: Layers) -> None:
    layers.make(file(b"gone", b"1"), directory(b"d/"), file(b"d/lower", b"1"), file(b"both", b"1"))
    root = layers.make(
        directory(b"d/"), file(b"d/upper", b"2"), file(b".wh.d"), file(b".wh.gone"),
        file(b"both", b"2"), file(b".wh.both"), file(b".wh.later"), file(b"later", b"2"),
        file(b".wh.dir"), directory(b"dir/"), file(b"dir/x"), file(b"o/.wh..wh..opq"), file(b"o/kept", b"3"),
    )  # fmt: skip
    assert is_whiteout(root / "gone")
    assert (root / "both").read_text() == (root / "later").read_text() == "2"
    assert is_opaque(root / "d")
    assert is_opaque(root / "dir")
    assert is_opaque(root / "o")
    assert (root / "d/upper").exists()
    assert (root / "o/kept").read_text() == "3"


@pytest.mark.threat("T09")
@pytest.mark.parametrize(
    "name", [b".wh.", b".wh..", b".wh...", b".wh.a/b", b"d/.wh.", b"d/.wh..", b".wh.x/.wh.y"]
)
def test_whiteouts_of_nothing_are_refused(layers: Layers, name: bytes) -> None:
    layers.refused(directory(b"d/"), file(name))
    layers.refused(symlink(b"s", b".."), file(b"s/.wh.x"))
    layers.refused(directory(b".wh.x/"))


@pytest.mark.threat("T09")
def test_names_of_aufs_are_left_out(layers: Layers) -> None:
    members = [
        file(b".wh..wh.aufs"),
        directory(b".wh..wh.plnk/"),
        file(b".wh..wh.plnk/1.2", b"abc"),
    ]
    root = layers.make(*members, hardlink(b".wh.x", b".wh..wh.aufs"), file(b"y"))
    assert sorted(os.listdir(root)) == ["x", "y"]
    assert is_whiteout(root / "x")


@pytest.mark.threat("T08")
def test_of_a_path_that_occurs_twice_the_last_one_wins(layers: Layers) -> None:
    root = layers.make(
        directory(b"d/", mode=0o700), file(b"d/in", b"1"), directory(b"d/", mode=0o755, uid=7, mtime=9),
        file(b"f", b"old" * 90), file(b"f", b"new"),
        file(b"a", b"1"), symlink(b"a", b"f"), symlink(b"b", b"f"), file(b"b", b"2"),
        directory(b"tree/"), directory(b"tree/sub/"), file(b"tree/sub/x", b"1"), file(b"tree", b"flat"),
        file(b"up", b"1"), directory(b"up/"), file(b"up/x", b"1"), header(b"p", b"6"), file(b"p", b"3"),
        file(b"l", b"1"), hardlink(b"m", b"l"), file(b"l", b"2"), symlink(b"s", b".."), directory(b"s/"), file(b"s/x"),
    )  # fmt: skip
    info = (root / "d").stat()
    assert (info.st_mode & 0o7777, info.st_uid, info.st_mtime) == (0o755, 7, 9)
    assert (root / "d/in").exists()
    texts = {name: (root / name).read_text() for name in ("f", "b", "tree", "p", "l", "m")}
    assert texts == {"f": "new", "b": "2", "tree": "flat", "p": "3", "l": "2", "m": "1"}
    assert os.readlink(root / "a") == "f"
    assert is_opaque(root / "up")
    assert is_opaque(root / "s")


@pytest.mark.threat("T02", "T08")
def test_nothing_is_followed_within_a_layer_or_below(layers: Layers) -> None:
    layers.make(symlink(b"link", b".."), symlink(b"bin", b"usr/bin"))
    assert "link or a file" in layers.refused(symlink(b"d", b".."), file(b"d/canary", b"evil"))
    assert "layer below" in layers.refused(file(b"link/canary", b"evil"))
    assert "layer below" in layers.refused(file(b"bin/tool", b"x"))
    assert not (layers.base / "canary").exists()


@pytest.mark.threat("T24")
def test_a_hard_link_to_a_file_of_a_layer_below_is_a_copy_of_it(layers: Layers) -> None:
    layers.make(directory(b"d/"), file(b"d/f", b"old"))
    layers.make(
        directory(b"d/"),
        pax((b"SCHILY.xattr.user.x", b"y")) + file(b"d/f", b"lower", mode=0o4750, uid=3, mtime=5),
    )
    root = layers.make(hardlink(b"one", b"d/f"), hardlink(b"two", b"d/f"))
    assert layers.last is not None
    assert layers.last.borrowed
    one = (root / "one").stat()
    assert (one.st_mode & 0o7777, one.st_uid, one.st_mtime, one.st_nlink) == (0o4750, 3, 5, 2)
    assert (root / "two").read_text() == "lower"
    assert os.getxattr(root / "one", "user.x") == b"y"


@pytest.mark.threat("T03", "T24")
def test_hard_links_to_what_is_hidden_or_nowhere_are_refused(layers: Layers) -> None:
    layers.make(
        directory(b"d/"),
        file(b"d/f"),
        file(b"g"),
        symlink(b"s", b"d"),
        directory(b"o/"),
        file(b"o/x"),
    )
    layers.make(file(b".wh.g"), file(b"o/.wh..wh..opq"))
    for target in (b"nowhere", b"g", b"s/f", b"d", b"o/x", b"me"):
        assert "hard link" in layers.refused(hardlink(b"me", target))
    layers.refused(file(b".wh.d"), hardlink(b"me", b"d/f"))
    layers.refused(file(b"d/.wh..wh..opq"), hardlink(b"me", b"d/f"))


def test_a_directory_without_a_member_keeps_what_it_is_below(layers: Layers) -> None:
    layers.make(directory(b"tmp/", mode=0o1777, uid=5, mtime=7))
    root = layers.make(file(b"tmp/x"), file(b"fresh/y"))
    info = (root / "tmp").stat()
    assert (info.st_mode & 0o7777, info.st_uid, info.st_mtime) == (0o1777, 5, 7)
    assert (root / "fresh").stat().st_mode & 0o7777 == 0o755
    assert layers.last is not None
    assert layers.last.borrowed
    layers.make(directory(b"tmp/"), file(b"tmp/x"))
    assert not layers.last.borrowed


@pytest.mark.threat("T10", "T23")
def test_attributes_of_overlayfs_are_dropped(layers: Layers) -> None:
    names = [
        b"trusted.overlay.opaque",
        b"trusted.overlay.redirect",
        b"user.overlay.opaque",
        b"trusted.overlay.metacopy",
    ]
    records = pax(*((b"SCHILY.xattr." + name, b"y") for name in names))
    root = layers.make(records + directory(b"d/"), records + file(b"f"))
    assert [
        name for path in ("d", "f") for name in os.listxattr(root / path) if "overlay" in name
    ] == []


@pytest.mark.threat("T10", "T11")
@pytest.mark.parametrize("kind", [b"3", b"4"])
def test_devices_are_left_out_in_dev_and_refused_elsewhere(layers: Layers, kind: bytes) -> None:
    root = layers.make(directory(b"dev/"), header(b"dev/x", kind), header(b"dev/net/tun", kind))
    assert not (root / "dev/x").exists()
    layers.refused(header(b"x", kind))
    layers.refused(header(b"devices/x", kind))


@pytest.mark.parametrize(
    "member", [file(b"dev", b""), symlink(b"dev", b"/"), header(b"./dev", b"6")]
)
def test_dev_has_to_be_a_directory(layers: Layers, member: bytes) -> None:
    assert "'/dev' is not a directory" in layers.refused(member)


@pytest.mark.threat("T13")
@pytest.mark.parametrize("uid", [base256(2**32 - 1, 8), base256(-1, 8), base256(2**32, 8)])
def test_owners_that_are_none_are_refused(layers: Layers, uid: bytes) -> None:
    assert "no owner" in layers.refused(header(b"x", uid=uid))


@pytest.mark.threat("T29")
def test_other_bytes_than_promised_are_refused_whatever_else_is_wrong_with_them(
    tmp_path: Path,
) -> None:
    for number, data in enumerate((END, b"garbage" * 500)):
        tree = tmp_path / str(number)
        tree.mkdir()
        with pytest.raises(VerifyError, match="what was served has the digest"):
            ingest(iter([data]), str(tree), "layer", shown="x", expect="0" * 64)


def test_an_empty_layer_is_an_empty_directory(layers: Layers) -> None:
    root = layers.make()
    assert os.listdir(root) == []
    assert root.stat().st_mode & 0o7777 == 0o755


def test_what_the_source_raises_comes_out(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield END[:512]
        raise VerifyError("the source is gone")

    with pytest.raises(VerifyError, match="the source is gone"):
        ingest(broken(), str(tmp_path), "layer", shown="x")


SPARSE: dict[str, Callable[[Path], list[str]]] = {
    "old GNU": lambda path: ["--format=gnu", "--sparse", str(path)],
    "PAX 0.0": lambda path: ["--format=pax", "--sparse", "--sparse-version=0.0", str(path)],
    "PAX 0.1": lambda path: ["--format=pax", "--sparse", "--sparse-version=0.1", str(path)],
    "PAX 1.0": lambda path: ["--format=pax", "--sparse", "--sparse-version=1.0", str(path)],
}


@pytest.mark.threat("T24")
@pytest.mark.parametrize("parts", [0, 1, 3, 60])
@pytest.mark.parametrize("form", SPARSE)
def test_sparse_files_of_gnu_tar_come_out_with_their_holes(
    layers: Layers, tmp_path: Path, form: str, parts: int
) -> None:
    source = tmp_path / ("name-of-a-sparse-file-" + "x" * 100)
    with source.open("wb") as out:
        for part in range(parts):
            out.seek(part * 1024 * 1024)
            out.write(os.urandom(5000))
        out.truncate(parts * 1024 * 1024 + 300_000)
    command = ["tar", "--create", "-C", str(tmp_path), *SPARSE[form](Path(source.name))]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    root = layers.make(data.removesuffix(END))
    assert (root / source.name).read_bytes() == source.read_bytes()
    assert (root / source.name).stat().st_blocks * 512 <= parts * 20_000 + 4096
    assert layers.last is not None
    assert layers.last.size == source.stat().st_size


def old_sparse(*parts: tuple[int, int], real: int, size: int, data: bytes = b"") -> bytes:
    """A member of type S with up to four parts."""
    fields = b"".join(b"%011o\0%011o\0" % part for part in parts).ljust(96, b"\0")
    plain = bytearray(header(b"x", b"S", size=size, magic=b"ustar  \0"))
    plain[386:482], plain[483:495] = fields, b"%011o\0" % real
    plain[148:156] = b" " * 8
    plain[148:156] = b"%06o\0 " % sum(plain)
    return bytes(plain) + data + bytes(-len(data) % 512)


@pytest.mark.threat("T16", "T18")
@pytest.mark.parametrize(
    "member",
    [
        old_sparse((0, 10), (5, 10), real=100, size=20, data=b"x" * 20),
        old_sparse((90, 20), real=100, size=20, data=b"x" * 20),
        old_sparse((0, 10), real=100, size=20, data=b"x" * 20),
        old_sparse(real=8**11 - 1, size=0),
        pax(
            (b"GNU.sparse.map", b"0,10,5,10"),
            (b"GNU.sparse.numblocks", b"2"),
            (b"GNU.sparse.size", b"99"),
        )
        + file(b"x", b"x" * 20),
        pax(
            (b"GNU.sparse.map", b"0,20"),
            (b"GNU.sparse.numblocks", b"3"),
            (b"GNU.sparse.size", b"99"),
        )
        + file(b"x", b"x" * 20),
        pax((b"GNU.sparse.offset", b"0"), (b"GNU.sparse.offset", b"5")) + file(b"x", b"x" * 20),
        pax(
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"99"),
        )
        + file(b"x", b""),
        pax(
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"99"),
        )
        + file(b"x", b"99999999\n".ljust(512, b"\0")),
        pax(
            (b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9")
        )
        + file(b"x", b"1\n"),
        pax(
            (b"GNU.sparse.size", b"1152921504606846976"),
            (b"GNU.sparse.numblocks", b"0"),
            (b"GNU.sparse.map", b""),
        )
        + file(b"x"),
        pax(
            (b"GNU.sparse.name", b"../x"),
            (b"GNU.sparse.size", b"0"),
            (b"GNU.sparse.numblocks", b"0"),
            (b"GNU.sparse.map", b""),
        )
        + file(b"x"),
        pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.numblocks", b"0"), (b"GNU.sparse.map", b""))
        + symlink(b"x", b"y"),
    ],
    ids=range(13),
)
def test_maps_of_sparse_files_that_cannot_be_are_refused(layers: Layers, member: bytes) -> None:
    layers.refused(member)


@pytest.mark.threat("T41")
def test_the_mark_goes_with_the_tree(layers: Layers) -> None:
    from podwright.stage0.render import ingest as module

    root = layers.make(file(b"f", b"1"))
    assert layers.last is not None
    module.mark_rendered(str(root.parent), "sha256-x", layers.last)
    text = (root.parent / "rendered").read_text()
    assert treecheck.stat_digest(str(root)) in text
    assert layers.last.mtree in text


def test_a_layer_of_the_standard_library_comes_out_as_gnu_tar_unpacks_it(
    layers: Layers, tmp_path: Path
) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(
            Path(__file__).parent,
            arcname="tests",
            filter=lambda m: None if "__pycache__" in m.name else m,
        )
    root = layers.make(
        data.getvalue()
        .rstrip(b"\0")
        .ljust(-(-len(data.getvalue().rstrip(b"\0")) // 512) * 512, b"\0")
    )
    other = tmp_path / "gnu"
    other.mkdir()
    subprocess.run(["tar", "-xp", "-C", str(other)], input=data.getvalue(), check=True)
    subprocess.run(["diff", "-r", "--no-dereference", str(root), str(other)], check=True)
