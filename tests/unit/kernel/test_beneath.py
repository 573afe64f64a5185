# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths below a directory that is not trusted never leave it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.kernel import beneath


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    inside = tmp_path / "root"
    (inside / "dir").mkdir(parents=True)
    (inside / "dir/file").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("outside")
    (inside / "absolute").symlink_to("/dir")
    (inside / "up").symlink_to("../../../../dir")
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "dangling").symlink_to("/none")
    (inside / "magic").symlink_to("/proc/self/fd/0")
    os.mkfifo(inside / "fifo")
    fd = os.open(inside, os.O_PATH)
    yield fd, tmp_path
    os.close(fd)


@pytest.mark.parametrize(
    "path",
    ["dir/file", "/dir/file", "absolute/file", "up/file", "../../dir/file", "dir/../dir/file"],
)
def test_links_and_dots_are_taken_inside(place: tuple[int, Path], path: str) -> None:
    assert beneath.read_in_root(place[0], path, 100) == b"inside"


@pytest.mark.parametrize("path", ["out/file", "dangling", "../outside/file", "dir/file/x"])
def test_what_is_only_outside_does_not_exist(place: tuple[int, Path], path: str) -> None:
    assert beneath.read_in_root(place[0], path, 100) is None


@pytest.mark.parametrize(("path", "code"), [("dir", errno.EINVAL), ("fifo", errno.EINVAL)])
def test_only_regular_files_are_read(place: tuple[int, Path], path: str, code: int) -> None:
    with pytest.raises(OSError) as caught:
        beneath.read_in_root(place[0], path, 100)
    assert caught.value.errno == code


def test_reading_is_bounded(place: tuple[int, Path]) -> None:
    with (place[1] / "root/big").open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(OSError) as caught:
        beneath.read_in_root(place[0], "big", 1 << 20)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.parametrize("path", ["absolute", "up", "out", "absolute/file", "../outside"])
def test_strict_opening_takes_no_link_and_stays_below(place: tuple[int, Path], path: str) -> None:
    with pytest.raises(OSError) as caught:
        os.close(beneath.open_strict(place[0], path))
    assert caught.value.errno in (errno.ELOOP, errno.EXDEV)


@pytest.mark.parametrize("path", ["new/a/b", "/absolute/new", "up/new/../x", "../../new"])
def test_missing_directories_are_made_inside(place: tuple[int, Path], path: str) -> None:
    before = sorted((place[1] / "outside").iterdir())
    os.close(beneath.make_dirs(place[0], path))
    assert sorted((place[1] / "outside").iterdir()) == before
    assert sorted(p.name for p in place[1].iterdir()) == ["outside", "root"]


@pytest.mark.parametrize("path", ["out/new", "dangling/x", "dangling", "dir/file/x"])
def test_nothing_is_made_through_links_to_nowhere_or_files(
    place: tuple[int, Path], path: str
) -> None:
    with pytest.raises(OSError):
        os.close(beneath.make_dirs(place[0], path))
    assert [p.name for p in (place[1] / "outside").iterdir()] == ["file"]
