# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A straight line through measured points, by least squares. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Line:
    """y = base + slope * x; `worst` is the largest distance of one of its points, as a share of the point's y."""

    base: float
    slope: float
    worst: float
    points: int

    def at(self, x: float) -> float:
        """y for an x."""
        return self.base + self.slope * x


def through(points: Sequence[tuple[float, float]]) -> Line:
    """The line with the least squares of distances in y. Needs points at two different x."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        raise ValueError("all points are at one x")
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    base = mean_y - slope * mean_x
    worst = max(abs(base + slope * x - y) / abs(y) if y else 0.0 for x, y in points)
    return Line(base, slope, worst, count)
