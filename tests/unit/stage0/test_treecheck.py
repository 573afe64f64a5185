# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cheap and the full check of a rendered tree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.host.paths import Layout
from podwright.stage0 import treecheck
from podwright.stage0.render import mtree
from podwright.stage0.store import Layer

TREE = "sha512-" + "1" * 64
Made = tuple[Layout, Layer, Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A rendered tree with a bit of everything: the layout, its layer, its root."""
    layout = Layout(data=str(tmp_path / "data"))
    base = tmp_path / "data/cas/tree" / TREE
    root = base / "rootfs"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/tool").write_bytes(b"\x7fELF" * 1000)
    (root / "usr/bin/tool").chmod(0o4755)
    (root / "bin").symlink_to("usr/bin")
    (root / "empty").mkdir()
    os.link(root / "usr/bin/tool", root / "hard")
    os.mkfifo(root / "pipe")
    (root / "space and \\ # \x1b").write_text("odd")
    (root / os.fsdecode(b"not-utf8-\xff")).write_text("odd")
    os.setxattr(root / "hard", "user.note", b"kept")
    data = b"#mtree\n" + b"".join(mtree.line(entry) for entry in mtree.scan(str(root)))
    (base / "mtree").write_bytes(data)
    layer = Layer(TREE, mtree.sha256(data))
    treecheck.mark(str(base), layer)
    return layout, layer, root


def _content(root: Path) -> None:
    with (root / "hard").open("r+b") as file:
        file.write(b"X")


def _times_put_back(root: Path) -> None:
    before = (root / "hard").stat()
    _content(root)
    os.utime(root / "hard", ns=(before.st_atime_ns, before.st_mtime_ns))


def _opaque(root: Path) -> None:
    os.setxattr(root / "empty", "trusted.overlay.opaque", b"y")


CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "content": (_content, "/hard", "content changed, time changed"),
    "content, times put back": (_times_put_back, "/hard", "content changed"),
    "added": (lambda root: (root / "empty/x").write_text(""), "/empty/x", "added"),
    "removed": (lambda root: (root / "pipe").unlink(), "/pipe", "removed"),
    "mode": (lambda root: (root / "usr").chmod(0o777), "/usr", "mode 0755 became 0777"),
    "setuid": (lambda root: (root / "hard").chmod(0o755), "/hard", "mode 4755 became 0755"),
    "time": (lambda root: os.utime(root / "empty", (1, 1)), "/empty", "time changed"),
    "attribute": (
        lambda root: os.setxattr(root / "hard", "user.note", b"new"),
        "/hard",
        "extended attributes changed",
    ),
}
ROOT_CHANGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "owner": (lambda root: os.chown(root / "usr", 5, -1), "/usr", "owner 0:0 became 5:0"),
    "opaque": (_opaque, "/empty", "extended attributes changed"),
}
if os.geteuid() == 0:
    CHANGES.update(ROOT_CHANGES)


def test_an_untouched_tree_passes_both(made: Made) -> None:
    layout, layer, root = made
    (root / "hard").read_bytes()
    assert treecheck.check_cheap(layout, layer)
    assert treecheck.verify_full(layout, layer) == []


@pytest.mark.threat("T41")
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_fails_both(made: Made, name: str) -> None:
    layout, layer, root = made
    change, path, what = CHANGES[name]
    change(root)
    assert not treecheck.check_cheap(layout, layer)
    found = {each.path: each.what for each in treecheck.verify_full(layout, layer)}
    assert found[path] == what


def test_a_changed_type_and_a_changed_link_are_named(made: Made) -> None:
    layout, layer, root = made
    (root / "bin").unlink()
    (root / "bin").symlink_to("/etc")
    (root / "empty").rmdir()
    (root / "empty").write_text("")
    found = {each.path: each.what for each in treecheck.verify_full(layout, layer)}
    assert found["/bin"].startswith("link target 'usr/bin' became '/etc'")
    assert found["/empty"] == "type dir became file"


def test_a_copy_has_other_stat_data_and_the_same_content_and_can_be_noted_anew(
    made: Made, tmp_path: Path
) -> None:
    layout, layer, root = made
    before = treecheck.stat_digest(str(root))
    os.utime(root / "hard", ns=(0, (root / "hard").stat().st_mtime_ns))
    assert treecheck.stat_digest(str(root)) != before
    assert treecheck.verify_full(layout, layer) == []
    treecheck.renew_stat(layout, layer)
    assert treecheck.check_cheap(layout, layer)


@pytest.mark.parametrize("part", ["mtree", "rendered", "rootfs"])
def test_a_missing_part_fails(made: Made, part: str) -> None:
    layout, layer, root = made
    target = root.parent / part
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    assert treecheck.verify_full(layout, layer)
    if part != "mtree":
        assert not treecheck.check_cheap(layout, layer)


def test_the_mark_of_another_tree_fails(made: Made) -> None:
    layout, layer, _ = made
    other = Layer(layer.tree, "0" * 64)
    assert not treecheck.check_cheap(layout, other)
    (found,) = treecheck.verify_full(layout, other)
    assert found.path == "mtree"


def test_something_beside_the_root_is_found(made: Made) -> None:
    layout, layer, root = made
    (root.parent / "more").write_text("")
    assert [each.path for each in treecheck.verify_full(layout, layer)] == ["more"]


def test_the_digest_tells_names_apart_whatever_is_in_them(tmp_path: Path) -> None:
    digests: set[str] = set()
    for names in (["ab"], ["a", "b"], ["a\nb"], ["b", "a\n"]):
        root = tmp_path / str(len(digests))
        root.mkdir()
        for name in names:
            (root / name).write_text("")
            os.utime(root / name, (0, 0))
        digests.add(treecheck.stat_digest(str(root)))
    assert len(digests) == 4


def test_a_deep_tree_is_no_deep_recursion(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    assert len(treecheck.stat_digest(str(tmp_path))) == 64
    assert sum(1 for _ in mtree.scan(str(tmp_path))) == 301


@pytest.mark.parametrize(
    "name", [b"plain", b"a b", b"\\", b"#", b"\xff\x00\n\t", bytes(range(256))]
)
def test_escaped_names_come_back(name: bytes) -> None:
    shown = mtree.escape(name)
    assert mtree.unescape(shown) == name
    assert shown.isascii()
    assert not set(shown) & set(b" \n\t#\x00")


def test_lines_come_back(made: Made) -> None:
    for entry in mtree.scan(str(made[2])):
        assert mtree.parse(mtree.line(entry).rstrip(b"\n")) == entry


def test_of_a_path_that_is_listed_twice_the_last_line_counts() -> None:
    found = mtree.rows(b"#mtree\n./a type=file\n./b type=dir\n./a type=dir\n", "list")
    assert found == {b"a": b"./a type=dir", b"b": b"./b type=dir"}
