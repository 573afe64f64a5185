# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that people read and scripts cut."""

from __future__ import annotations

from podwright.cli.table import render

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
