# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written for the host goes where it was asked for, whoever owns the directory there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.stage0 import export


def make(directory: str, content: str) -> None:
    """A root file system of one file."""
    os.makedirs(f"{directory}/rootfs")
    Path(directory, "rootfs/file").write_text(content)


def swap(parent: Path, other: Path) -> Path:
    """What the owner of a directory can do: put a link in the place of our directory."""
    (ours,) = (path for path in parent.iterdir() if path.name.endswith(".new"))
    moved = ours.rename(parent / "stolen")
    ours.symlink_to(other)
    return moved


@pytest.mark.threat("T43")
@pytest.mark.parametrize("part", ["rootfs", ""])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_in_the_place_of_the_temporary_directory_moves_nothing_of_others(
    tmp_path: Path, part: str, overwrite: bool
) -> None:
    parent, other = tmp_path / "theirs", tmp_path / "store"
    parent.mkdir()
    for name in ("", "made", "replaced"):
        make(f"{other}/{name}", "another image's")
    target = parent / "out"
    if overwrite:
        make(str(target), "old")
    with export.Place(str(target), overwrite, stat.S_IFDIR) as place:
        make(place.new, "ours")
        moved = swap(parent, other)
        place.take(part)
    assert (target / ("file" if part else "rootfs/file")).read_text() == "ours"
    assert list(moved.iterdir()) == []
    for name in ("", "made", "replaced"):
        assert (other / name / "rootfs/file").read_text() == "another image's"


@pytest.mark.threat("T43")
def test_a_link_in_the_place_of_the_temporary_directory_has_nothing_of_others_removed(
    tmp_path: Path,
) -> None:
    parent, other = tmp_path / "theirs", tmp_path / "store"
    parent.mkdir()
    make(f"{other}/made", "another image's")
    with pytest.raises(HostError), export.Place(f"{parent}/out", False, stat.S_IFDIR) as place:
        make(place.new, "ours")
        swap(parent, other)
        raise OSError(28, "full")
    assert (other / "made/rootfs/file").read_text() == "another image's"
    assert not (parent / "out").exists()


def test_nothing_is_left_beside_the_target(tmp_path: Path) -> None:
    with export.Place(f"{tmp_path}/out", False, stat.S_IFDIR) as place:
        make(place.new, "ours")
        place.take("rootfs")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(ValueError), export.Place(f"{tmp_path}/b", False, stat.S_IFDIR) as place:
        make(place.new, "ours")
        raise ValueError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
