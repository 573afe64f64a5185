# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people: columns padded to their widest cell, hostile text escaped."""

from __future__ import annotations

from podwright.text import safe


def render(titles: tuple[str, ...], rows: list[tuple[str, ...]], legend: bool = True) -> str:
    """Columns joined by tabs and padding, as lines without a trailing newline."""
    cells = [tuple(safe(cell, 200) for cell in row) for row in rows]
    lines = ([titles] if legend else []) + cells
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(titles))]
    return "\n".join(
        "\t".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    )
