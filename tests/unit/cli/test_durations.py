# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write and read them."""

from __future__ import annotations

import pytest

from podwright.cli.durations import ago, seconds
from podwright.errors import UsageError


@pytest.mark.parametrize(
    "text, expected",
    [
        ("0", 0),
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("30m", 1800),
        ("24h", 86400),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("1m250ms", 60.25),
    ],
)
def test_seconds(text: str, expected: float) -> None:
    assert seconds(text, "x") == expected


@pytest.mark.parametrize(
    "text",
    ["", "s", "-5s", "5x", "5 s", "5s ", "1e3", "h1", "5m3", "\u0665s", "\u0665", "5S", "1d"],
)
def test_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--wait: .* is not a duration"):
        seconds(text, "--wait")


def test_what_no_clock_could_be_told_is_too_long() -> None:
    assert seconds("10000000000", "--wait") == seconds("2777777h46m40s", "--wait") == 1e10
    for text in ("10000000001", "2777778h", "9" * 400, f"{'9' * 400}h"):
        with pytest.raises(UsageError, match=r"^--wait: .* is too long"):
            seconds(text, "--wait")


@pytest.mark.parametrize(
    "passed, text",
    [
        (-5, "0 seconds ago"),
        (0, "0 seconds ago"),
        (1, "1 second ago"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (7200, "2 hours ago"),
        (86400, "1 day ago"),
        (200000, "2 days ago"),
    ],
)
def test_ago(passed: float, text: str) -> None:
    assert ago(1000.0 - passed, 1000.0) == text
