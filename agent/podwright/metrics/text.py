# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of metrics as text: OpenMetrics 1.0, and Prometheus' older format 0.0.4.

node_exporter's textfile collector reads only the older one. They differ in how counters are
named in comments, in the types, and in the end.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    Labels = tuple[tuple[str, str], ...]
    Point = tuple[Labels, Union[int, float]]

OPENMETRICS, PROMETHEUS = "openmetrics", "prometheus"
KINDS = {
    OPENMETRICS: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    PROMETHEUS: "text/plain; version=0.0.4; charset=utf-8",
}
"""Format -> media type."""
SUFFIXES = {"counter": "_total", "info": "_info"}
MOST_LABEL = 200
"""Characters of a label's value: names come from images."""


@value
class Family:
    """A metric: `kind` is gauge, counter or info; a name that has a unit ends with it."""

    name: str
    kind: str
    help: str
    points: tuple[Point, ...]
    unit: str = ""


def render(families: Iterable[Family], form: str) -> str:
    """All families in the order given. One without points is left out: it is not known here."""
    lines: list[str] = []
    for family in families:
        if family.points:
            lines += _family(family, form)
    if form == OPENMETRICS:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _family(family: Family, form: str) -> list[str]:
    sample = family.name + SUFFIXES.get(family.kind, "")
    name, kind = family.name, family.kind
    if form == PROMETHEUS:
        name, kind = sample, "gauge" if kind == "info" else kind
    lines = [f"# TYPE {name} {kind}"]
    if family.unit and form == OPENMETRICS:
        lines.append(f"# UNIT {name} {family.unit}")
    lines.append(f"# HELP {name} {family.help}")
    seen = set()
    for labels, number in family.points:
        shown = _labels(labels)
        if shown not in seen:  # else nobody would read any of it
            seen.add(shown)
            lines.append(f"{sample}{shown} {number!r}")
    return lines


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{escaped(text)}"' for name, text in labels) + "}"


def escaped(text: str) -> str:
    """A label's value: as both formats write it, without what a terminal or a log would obey."""
    out = []
    for char in text[:MOST_LABEL]:
        if char in '\\"':
            out.append(f"\\{char}")
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\\\u{ord(char):04x}")
    return "".join(out)
