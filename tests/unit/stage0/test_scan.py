# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with holes in what is exported of pods: no app has us write more than it has written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.errors import UsageError
from podwright.stage0.build import scan
from podwright.stage0.build.members import Parts

MANY = scan.MAX_PARTS + 100


def with_holes(path: Path, parts: int, distance: int) -> None:
    with open(path, "wb") as file:
        for number in range(parts):
            os.pwrite(file.fileno(), b"x", number * distance)


def test_the_smallest_holes_are_filled_first() -> None:
    parts = [(0, 1), (10, 5), (16, 4), (100, 1), (104, 6)]
    assert scan.join(parts, 5) == (parts, 0)
    assert scan.join(parts, 4) == ([(0, 1), (10, 10), (100, 1), (104, 6)], 1)
    assert scan.join(parts, 3) == ([(0, 1), (10, 10), (100, 10)], 4)
    assert scan.join(parts, 1) == ([(0, 110)], 93)


def test_a_file_with_many_small_holes_keeps_most_of_them(tmp_path: Path) -> None:
    with_holes(tmp_path / "file", MANY, 65536)
    parts: list[Parts] = []
    for member in scan.members(str(tmp_path), scan.Rules(pod=True), lambda _: None):
        if member.parts is not None:
            parts.append(member.parts)
            size = sum(map(len, member.parts.content()))
    (one,) = parts
    assert len(one.where) == scan.MAX_PARTS and one.size() == size < MANY * 65536 // 8


@pytest.mark.threat("T84")
def test_a_few_bytes_at_great_distances_do_not_make_export_write_for_hours(tmp_path: Path) -> None:
    with_holes(tmp_path / "file", MANY, 1 << 26)
    with pytest.raises(UsageError, match=r"^/file has more than 4096 holes, and too large ones"):
        list(scan.members(str(tmp_path), scan.Rules(pod=True), lambda _: None))
