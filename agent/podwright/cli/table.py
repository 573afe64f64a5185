# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people: columns padded to their widest cell, hostile text escaped."""

from __future__ import annotations

import os

from podwright.text import safe


def render(titles: tuple[str, ...], rows: list[tuple[str, ...]], legend: bool = True) -> str:
    """Columns joined by tabs and padding, as lines without a trailing newline."""
    cells = [tuple(safe(cell, 200) for cell in row) for row in rows]
    lines = ([titles] if legend else []) + cells
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(titles))]
    return "\n".join(
        "\t".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )


SIGN = "..."
"""The last title where columns are left out."""
NARROW = 30
"""A terminal that says it has fewer columns does not know."""


def fitting(
    titles: tuple[str, ...],
    rows: list[tuple[str, ...]],
    legend: bool,
    drop: tuple[str, ...],
    size: int = 0,
) -> str:
    """The same for a terminal that is narrower: columns are left out until it fits, with a sign.

    drop  the titles that may go, the least important first
    size  columns of the terminal; 0: of standard output. Where that is none, and without a legend,
          as scripts call us, nothing is left out
    """
    size = size or columns()
    text = render(titles, rows, legend)
    if not legend or size < NARROW:
        return text
    kept = list(range(len(titles)))
    for title in drop:
        if max(len(line.expandtabs()) for line in text.split("\n")) <= size:
            break
        if title not in titles:
            continue
        kept.remove(titles.index(title))
        picked = [tuple(row[at] for at in kept) for row in rows]
        shown = (*(titles[at] for at in kept), SIGN)
        text = render(shown, [(*row, "") for row in picked])
    return text


def columns() -> int:
    """Columns of the terminal that is standard output; 0 where it is none."""
    try:
        return os.get_terminal_size(1).columns if os.isatty(1) else 0
    except OSError:
        return 0
