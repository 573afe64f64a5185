# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of measurements as Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tests.bench.measure import Figures

HEAD = """<!--
SPDX-FileCopyrightText: 2026 The podwright authors
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks

Written by `make bench` on {date}, on this machine: {machine}.

Wall times of whole processes: the median of {runs} runs (11 of plays, 5 where images are fetched or rendered), least
to most in brackets, both sides in turn in one run.
Budgets are those of [architecture.md](architecture.md).

| what | budget | podwright | peer | ratio | within |
|---|---|---|---|---|---|
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison; `ratio` is the budget against the peer, `limit` one in milliseconds."""

    what: str
    budget: str
    ours: Figures
    theirs: Figures
    peer: str
    ratio: float | None
    limit: float | None = None

    def line(self) -> str:
        """The row as Markdown."""
        ratio = self.ours.median / self.theirs.median
        within = (self.ratio is None or ratio <= self.ratio) and (
            self.limit is None or self.ours.median <= self.limit
        )
        cells = (
            self.what,
            self.budget,
            spread(self.ours),
            f"{self.peer}: {spread(self.theirs)}",
            f"{ratio:.2f}",
            "yes" if within else "**no**",
        )
        return "| " + " | ".join(cells) + " |\n"


@dataclasses.dataclass(frozen=True)
class Fact:
    """Something measured that is no time."""

    what: str
    budget: str
    found: str
    within: bool

    def line(self) -> str:
        """The row as Markdown."""
        return f"| {self.what} | {self.budget} | {self.found} | | | {'yes' if self.within else '**no**'} |\n"


def spread(figures: Figures) -> str:
    """Median with the least and the most."""
    return f"{figures.median:.1f} ms ({min(figures.wall):.1f}-{max(figures.wall):.1f})"


def render(rows: Sequence[Row], facts: Sequence[Fact], machine: str, date: str, runs: int) -> str:
    """The whole page."""
    head = HEAD.format(date=date, machine=machine, runs=runs)
    return head + "".join([row.line() for row in rows] + [fact.line() for fact in facts])


def put(page: str, row: Row) -> str:
    """The page with this row in place of the one about the same, or after the last row."""
    lines = page.splitlines(keepends=True)
    mark = f"| {row.what} |"
    places = [at for at, line in enumerate(lines) if line.startswith(mark)]
    if places:
        lines[places[0]] = row.line()
    else:
        last = max(at for at, line in enumerate(lines) if line.startswith("|"))
        lines.insert(last + 1, row.line())
    return "".join(lines)
