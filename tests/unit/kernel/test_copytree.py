# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copied root is the same root."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from podwright.kernel.copytree import copy_layers


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
