# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and programs are told while something is fetched."""

from __future__ import annotations

import json

import pytest

from podwright.cli import progress

MIB = 1048576


def test_programs_get_an_event_per_tenth_and_one_when_all_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = progress.printer("json")
    assert report is not None
    for done in range(1001):
        report("example.com/a\x1b[31m", done * 1000, 1_000_000)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["done"] for event in events] == [n * 100_000 for n in range(11)]
    assert [event["event"] for event in events] == ["fetching"] * 10 + ["fetched"]
    assert {(event["image"], event["total"]) for event in events} == {
        ("example.com/a\x1b[31m", 1_000_000)
    }


def test_without_a_known_size_there_is_an_event_per_ten_mib(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = progress.Events()
    for done in range(0, 35 * MIB, MIB):
        report("a", done, None)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["done"] // MIB for event in events] == [0, 10, 20, 30]
    assert {event["total"] for event in events} == {None}


def test_people_without_a_terminal_get_a_line_per_tenth_after_a_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    report = progress.printer("")
    assert report is not None
    report("quick", 5, 10)
    assert capsys.readouterr().err == ""
    now += 2
    for done in range(101):
        report("quick", done * MIB, 100 * MIB)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[5] == "podwright: fetching quick: 50.0 of 100.0 MiB (50 %)"


def test_nobody_is_told_when_nobody_asked() -> None:
    assert progress.printer("none") is None


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
def test_a_bar_fits_the_terminal(columns: int) -> None:
    picture = progress.bar("r" * 300, 5 * MIB, 10 * MIB, columns)
    assert len(picture) <= max(columns, 64) + len("\x1b[K\r")
    assert "#" * 15 + "." * 15 in picture
    assert picture.endswith("\r")
    assert progress.bar("a", MIB, MIB, columns).endswith("\n")
    assert "\x1b[31m" not in progress.bar("\x1b[31m", 1, None, columns)
