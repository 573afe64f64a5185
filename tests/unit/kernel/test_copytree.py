# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copied root is the same root."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from podwright.kernel.copytree import DEEPEST, copy_layers


def listing(root: Path) -> list[tuple[object, ...]]:
    """Everything that a copy must keep, by relative path."""
    found: list[tuple[object, ...]] = []
    for path in [root, *sorted(root.rglob("*"))]:
        info = path.lstat()
        content: object = os.readlink(path) if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        attributes = (
            {} if path.is_symlink() else {n: os.getxattr(path, n) for n in os.listxattr(path)}
        )
        links = info.st_nlink if not path.is_dir() else 0
        found.append(
            (str(path.relative_to(root)), info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, links, content,
             attributes)
        )  # fmt: skip
    return found


def test_owners_modes_times_links_and_attributes_are_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a/b").mkdir(parents=True)
    target.mkdir()
    (source / "a/file").write_bytes(os.urandom(200_000))
    (source / "a/file").chmod(0o4750)
    os.setxattr(source / "a/file", "user.note", b"kept")
    (source / "a/b/same").hardlink_to(source / "a/file")
    (source / "same").hardlink_to(source / "a/file")
    (source / "link").symlink_to("/etc/passwd")
    (source / "nowhere").symlink_to("../../..")
    os.mkfifo(source / "fifo", 0o622)
    (source / b"\xff\n".decode("utf-8", "surrogateescape")).write_bytes(b"")
    (source / "a/b").chmod(0o1777)
    source.chmod(0o750)
    for path in source.rglob("*"):
        os.utime(path, ns=(1, 1_234_567_890), follow_symlinks=False)
    os.utime(source, ns=(1, 987_654_321))
    copy_layers((str(source),), str(target))
    assert listing(target) == listing(source)
    assert (target / "a/file").stat().st_ino == (target / "same").stat().st_ino


def test_sockets_are_left_out(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "socket"))
        copy_layers((str(source),), str(target))
    assert list(target.iterdir()) == []


def test_links_of_a_lower_layer_are_replaced_and_never_followed(tmp_path: Path) -> None:
    lower, upper, target, outside = (tmp_path / name for name in ("l", "u", "t", "outside"))
    for path in (lower, upper / "d", upper / "e", target, outside):
        path.mkdir(parents=True)
    (outside / "keep").write_text("kept")
    (lower / "d").symlink_to(outside)
    (lower / "e").symlink_to("d")
    (lower / "f").symlink_to(outside / "keep")
    (upper / "d/keep").write_text("inside")
    (upper / "e/x").write_text("x")
    (upper / "f").write_text("a file")
    copy_layers((str(upper), str(lower)), str(target))
    assert (target / "d/keep").read_text() == "inside"
    assert (target / "e/x").read_text() == "x" and not (target / "e").is_symlink()
    assert (target / "f").read_text() == "a file"
    assert [path.name for path in outside.iterdir()] == ["keep"]
    assert (outside / "keep").read_text() == "kept"


def nested(top: Path, depth: int) -> None:
    """Directories within each other; their path is longer than one may be."""
    top.mkdir()
    here = os.open(top, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_a_tree_six_hundred_deep_was_a_recursion_error(tmp_path: Path) -> None:
    nested(tmp_path / "source", 600)
    (tmp_path / "target").mkdir()
    with pytest.raises(OSError, match=f"nested deeper than {DEEPEST} levels"):
        copy_layers((str(tmp_path / "source"),), str(tmp_path / "target"))


def test_a_deep_tree_is_copied(tmp_path: Path) -> None:
    nested(tmp_path / "source", DEEPEST)
    (tmp_path / "target").mkdir()
    copy_layers((str(tmp_path / "source"),), str(tmp_path / "target"))
    assert (tmp_path / "target" / "/".join("d" * DEEPEST)).is_dir()


def test_a_file_of_holes_filled_the_disk(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    with open(source / "sparse", "wb") as file:
        file.seek(2**30)
        file.write(b"in the middle")
        file.truncate(2**40)
    (source / "hole").touch()
    os.truncate(source / "hole", 2**40)
    copy_layers((str(source),), str(target))
    for name in ("sparse", "hole"):
        assert (target / name).stat().st_size == 2**40
        assert (target / name).stat().st_blocks <= (source / name).stat().st_blocks
    with open(target / "sparse", "rb") as file:
        file.seek(2**30)
        assert file.read(14) == b"in the middle\0"
