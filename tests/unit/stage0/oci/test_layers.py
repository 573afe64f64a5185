# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and order of layers; and the files of archives, read in place."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from podwright.errors import ImageError, PodwrightError, UsageError
from podwright.stage0.oci import files, layers
from podwright.stage0.oci.layers import chain_ids, stacked
from podwright.stage0.store import Layer


def test_chain_ids_are_those_of_the_specification() -> None:
    diffs = ["a" * 64, "b" * 64, "c" * 64]
    second = hashlib.sha256(f"sha256:{diffs[0]} sha256:{diffs[1]}".encode()).hexdigest()
    third = hashlib.sha256(f"sha256:{second} sha256:{diffs[2]}".encode()).hexdigest()
    assert chain_ids(diffs) == [diffs[0], second, third]


def test_a_layer_that_occurs_twice_counts_where_it_is_highest() -> None:
    one, two = Layer("one", "1"), Layer("two", "2")
    assert stacked([one, two, one, two, one]) == (two, one)
    assert stacked([one, one]) == (one,)


def test_a_tree_with_a_mark_of_another_format_is_not_taken(tmp_path: Path) -> None:
    from podwright.host.paths import Layout

    layout = Layout(data=str(tmp_path))
    tree = tmp_path / "cas/tree/sha256-x"
    tree.mkdir(parents=True)
    for content in ("{}", '{"format": 1}', "garbage", ""):
        (tree / "rendered").write_text(content)
        assert layers._mark(layout, "sha256-x") is None


def archive(path: Path, members: list[tuple[str, bytes, str, bytes]]) -> Path:
    with tarfile.open(path, "w") as out:
        for name, kind, target, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, len(content)
            out.addfile(info, io.BytesIO(content))
    return path


def test_members_and_links_to_members(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "x.tar",
        [
            ("a", tarfile.DIRTYPE, "", b""),
            ("a/layer.tar", tarfile.REGTYPE, "", b"layer" * 300),
            ("b/layer.tar", tarfile.SYMTYPE, "../a/layer.tar", b""),
            ("c", tarfile.LNKTYPE, "a/layer.tar", b""),
            ("out", tarfile.SYMTYPE, "../../etc/passwd", b""),
        ],
    )
    with files.Tar(str(path), str(tmp_path / "copy")) as found:
        for name in ("a/layer.tar", "b/layer.tar", "c"):
            assert found.read(name, 5000) == b"".join(found.chunks(name)) == b"layer" * 300
        for name in ("out", "a", "missing", "../x.tar"):
            with pytest.raises(ImageError):
                found.read(name, 5000)
        with pytest.raises(ImageError, match="larger than"):
            found.read("c", 10)


@pytest.mark.parametrize("damage", ["twice", "short", "not a tar", "device"])
def test_archives_that_are_damaged(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.tar"
    member = ("a", tarfile.REGTYPE, "", b"x" * 5000)
    archive(path, [member, member] if damage == "twice" else [member])
    if damage == "short":
        path.write_bytes(path.read_bytes()[:2048])
    elif damage == "not a tar":
        path.write_bytes(b"this is not a tar" * 100)
    elif damage == "device":
        archive(path, [("a", tarfile.CHRTYPE, "", b"")])
    with pytest.raises(PodwrightError):
        files.Tar(str(path), str(tmp_path / "copy"))


def test_a_pipe_is_no_archive(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x")
    with pytest.raises(UsageError, match="not a regular file"):
        files.Tar(str(tmp_path / "x"), str(tmp_path / "copy"))
