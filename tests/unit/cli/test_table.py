# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that people read and scripts cut."""

from __future__ import annotations

import pytest

from podwright.cli.table import fitting, render

ROWS: list[tuple[str, ...]] = [("1", "long name", ""), ("22", "x", "y")]


def test_columns_are_padded_and_separated_by_tabs() -> None:
    assert render(("ID", "NAME", "MORE"), ROWS) == (
        "ID\tNAME     \tMORE\n1 \tlong name\n22\tx        \ty"
    )


def test_without_legend() -> None:
    assert render(("ID", "NAME", "MORE"), ROWS, legend=False) == "1 \tlong name\n22\tx        \ty"
    assert render(("ID",), [], legend=False) == ""


def test_hostile_cells_stay_in_their_row() -> None:
    assert render(("A", "B"), [("x\ty\n\x1b[2J", "b")], legend=False) == "x\\x09y\\x0a\\x1b[2J\tb"


def test_a_narrow_terminal_is_shown_fewer_columns_and_a_sign_of_it() -> None:
    titles, drop = ("ID", "NAME", "MORE"), ("MORE", "NAME")
    rows: list[tuple[str, ...]] = [("1", "n" * 20, "m" * 20)]
    whole = render(titles, rows)
    assert fitting(titles, rows, True, drop, 80) == whole
    assert fitting(titles, rows, True, drop, 40) == (
        f"ID\tNAME                \t...\n1 \t{'n' * 20}"
    )
    assert fitting(titles, rows, True, drop, 30) == "ID\t...\n1"
    assert fitting(titles, rows, True, (), 40) == whole
    assert fitting(titles, rows, False, drop, 40) == render(titles, rows, legend=False)


def test_what_is_no_terminal_gets_all_columns(capfd: pytest.CaptureFixture[str]) -> None:
    rows: list[tuple[str, ...]] = [("1", "n" * 200)]
    assert fitting(("ID", "NAME"), rows, True, ("NAME",)) == render(("ID", "NAME"), rows)
    assert capfd.readouterr().out == ""
