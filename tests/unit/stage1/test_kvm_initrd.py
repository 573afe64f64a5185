# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first file systems of machines, which are kept by image and code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.stage1.kvm import bundle, initrd

ID, OTHER = "sha512-" + "0" * 64, "sha512-" + "1" * 64
AGENT = Path(bundle.__file__).parents[3]
PREPARE = """
import sys
sys.path.insert(0, sys.argv[1])
from podwright.stage1.kvm import bundle, initrd
one = bundle.Bundle(sys.argv[2], "", f"{sys.argv[3]}/initramfs", sys.argv[4], "3.11", "", tree=sys.argv[3])
sys.stdin.read()
print(initrd.prepare(one, sys.argv[5]))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/initramfs").write_bytes(b"\1" * 4096)
    return tmp_path / "tree"


def made(tree: Path, image_id: str = ID, python: str = "/usr/bin/python3") -> Path:
    """The file for a machine of an image; `python` stands for what another code would change."""
    path = str(tree / "initramfs")
    one = bundle.Bundle(image_id, "", path, python, "3.11", "", tree=str(tree))
    return Path(initrd.prepare(one, str(tree.parent / "machines")))


def kept(tree: Path) -> set[str]:
    return {path.name for path in (tree.parent / "machines").iterdir()} - {initrd.LOCK}


def test_it_is_made_once(tree: Path) -> None:
    first = made(tree)
    before = first.stat()
    assert made(tree) == first
    after = first.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert kept(tree) == {first.name}


def cut(path: Path) -> None:
    os.truncate(path, 0)


def shortened(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/null")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, shortened, linked, directory])
def test_no_pod_starts_for_ever_because_a_loss_of_power_emptied_the_machines_first_file_system(
    tree: Path, damage: Callable[[Path], None]
) -> None:
    path = made(tree)
    whole = path.read_bytes()
    damage(path)
    assert made(tree) == path and path.read_bytes() == whole
    assert not path.is_symlink() and kept(tree) == {path.name}


def test_pods_of_a_new_image_that_start_at_the_same_moment_all_start(tree: Path) -> None:
    """As after an upgrade: versions of the code beside each other, and nothing of it made yet."""
    where = str(tree.parent / "machines")
    pythons = ["/usr/bin/python3"] * 3 + ["/usr/bin/python3.11"] * 2
    waiting = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARE, str(AGENT), ID, str(tree), python, where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for python in pythons
    ]
    for one in waiting:
        assert one.stdin
        one.stdin.close()
        one.stdin = None
    answers = [one.communicate(timeout=120) for one in waiting]
    assert [one.returncode for one in waiting] == [0] * len(waiting), answers
    paths = {said.strip() for said, _ in answers}
    assert len(paths) == 2 and all(Path(path).is_file() for path in paths)
    assert kept(tree) == {Path(path).name for path in paths}


def test_what_other_code_made_goes_when_nobody_has_used_it_lately(tree: Path) -> None:
    old, lately = made(tree, python="/a"), made(tree, python="/b")
    other = made(tree, OTHER)
    long_ago = old.stat().st_mtime - initrd.UNUSED - 60
    for path in (old, lately, other):
        os.utime(path, (long_ago, long_ago))
    half = lately.with_name(f"{ID}-0{initrd.NEW}")
    half.touch()
    assert made(tree, python="/b") == lately  # which is a use
    new = made(tree, python="/c")
    assert kept(tree) == {lately.name, other.name, new.name}


def test_gc_takes_the_first_file_system_of_an_image_that_was_removed(tree: Path) -> None:
    gone, stays = made(tree), made(tree, OTHER)
    where = tree.parent / "machines"
    (where / f"{OTHER}-0{initrd.NEW}").touch()
    assert initrd.sweep(str(where), lambda: [OTHER]) == [gone.name, f"{OTHER}-0{initrd.NEW}"]
    assert kept(tree) == {stays.name}
    assert initrd.sweep(str(where / "missing"), list) == []
