# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What benchmarks calculate: a line through figures, and what it says of a larger fleet."""

from __future__ import annotations

import pytest

from tests.bench.line import Line, through
from tests.bench.measure import Figures
from tests.bench.scale_page import Way, bounds
from tests.bench.table import Row, put


def test_points_on_a_line_give_that_line() -> None:
    found = through([(10, 7.0), (20, 12.0), (50, 27.0)])
    assert [found.base, found.slope] == pytest.approx([2, 0.5])
    assert found.worst == pytest.approx(0) and found.at(10_000) == pytest.approx(5002)


def test_a_point_beside_the_line_is_told() -> None:
    found = through([(10, 10.0), (20, 20.0), (30, 33.0)])
    assert found.slope == pytest.approx(1.15) and found.worst == pytest.approx(0.1 / 2, rel=0.01)


def test_one_size_gives_no_line() -> None:
    with pytest.raises(ValueError, match="one x"):
        through([(10, 1.0), (10, 2.0)])


def test_more_forks_shorten_only_the_waiting_for_hosts() -> None:
    own = Line(0, 0.2, 0, 4)
    found = Way(cpu=own, work=own, hosts=Line(0, 0.4, 0, 4), memory=own)
    few = bounds(found, Line(1, 0.01, 0, 3), 2, 1000, 10, 5)
    many = bounds(found, Line(1, 0.01, 0, 3), 2, 1000, 100, 5)
    assert few == pytest.approx({"serial": 21, "workers": 50, "rounds": 60})
    assert many == pytest.approx({"serial": 21, "workers": 50, "rounds": 6})


def test_a_row_replaces_the_one_about_the_same() -> None:
    row = Row("b", "1 x", Figures((1.0,), 0), Figures((2.0,), 0), "peer", 0.3)
    page = "# Page\n\n| a | x |\n| b | x |\n| c | x |\n\nEnd.\n"
    assert put(page, row) == page.replace("| b | x |\n", row.line())
    assert put("| a | x |\n\nEnd.\n", row) == f"| a | x |\n{row.line()}\nEnd.\n"
