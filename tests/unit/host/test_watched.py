# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far downloads are, for those who look from outside."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from podwright.host import watched
from podwright.host.paths import Layout

NAME = "0123456789abcdef" * 2


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A host of its own."""
    return Layout(run=str(tmp_path / "run"))


def test_the_file_has_each_image_and_is_gone_at_the_end(layout: Layout) -> None:
    heard: list[tuple[str, int, int | None]] = []
    told = watched.Watched(layout, NAME, lambda *what: heard.append(what))
    path = Path(layout.run, "progress", NAME)
    assert not path.exists()
    told("a\x1b[2J", 50, 100)
    told("b", 7, None)
    told("a\x1b[2J", 100, 100)
    raw = path.read_text()
    assert raw.count("\n") == 1 and "\x1b" not in raw
    assert json.loads(raw)["images"] == [
        {"image": "a\x1b[2J", "done": 100, "total": 100},
        {"image": "b", "done": 7, "total": None},
    ]
    assert (path.stat().st_mode & 0o7777, path.parent.stat().st_mode & 0o7777) == (0o600, 0o700)
    told.close()
    assert os.listdir(path.parent) == []
    assert len(heard) == 3


def test_every_part_is_told_however_fast_it_comes(layout: Layout) -> None:
    told = watched.Watched(layout, NAME)
    path = Path(layout.run, "progress", NAME)
    for done in range(1, 1001):
        told("a", done, 1000)
        assert done - json.loads(path.read_text())["images"][0]["done"] < 1000 / watched.PARTS
    told.close()


def test_the_file_stays_small(layout: Layout) -> None:
    told = watched.Watched(layout, NAME)
    for number in range(1000):
        told(f"{number}{'x' * 5000}", 1, 1)
    raw = Path(layout.run, "progress", NAME).read_text()
    assert len(raw) < 8192 and json.loads(raw)["images"][-1]["image"].startswith("999x")
    told.close()


def test_what_a_killed_call_has_left_is_removed_by_a_later_one(layout: Layout) -> None:
    place = Path(layout.run, "progress")
    place.mkdir(parents=True)
    for name, age in (("old", watched.FORGOTTEN + 60), ("new", 60)):
        (place / name).touch()
        moment = (place / name).stat().st_mtime - age
        os.utime(place / name, (moment, moment))
    told = watched.Watched(layout, NAME)
    told("a", 1, 2)
    assert sorted(os.listdir(place)) == sorted([NAME, "new"])
    told.close()


def test_a_host_that_cannot_tell_goes_on(layout: Layout) -> None:
    Path(layout.run).write_text("in the way")
    told = watched.Watched(layout, NAME)
    for done in range(3):
        told("a", done, 2)
    told.close()


@pytest.mark.parametrize(
    "name", ["", "x", "../" * 10 + "aa", NAME.upper(), f"{NAME}0", f"{NAME[:-1]}\n"]
)
def test_only_one_kind_of_name_is_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(watched.VARIABLE, name)
    assert watched.asked() == ""
    monkeypatch.setenv(watched.VARIABLE, NAME)
    assert watched.asked() == NAME
    assert watched.VARIABLE not in os.environ
