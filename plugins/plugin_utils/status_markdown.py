# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet's report as Markdown: what hosts say is text in it, and no markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_drift import versions
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_page import sentence
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible

_MARKUP = re.compile(r"([][\\`*_{}()#+!|<>~&])")
_LINK = re.compile(r"(?i)\b(https?|ftp)(:)(?=//)|\b(www)(\.)|(@)")
"""What viewers make links of though nobody has marked it up."""


def markdown(report: dict[str, Any]) -> str:
    """The report as a text of CommonMark with tables."""
    lines = [f"# {cell(report['title'])}", "", f"As of {report['generated_at']}: "]
    lines[-1] += sentence(report["summary"])
    lines += ["", "## Attention", ""]
    attention = [
        (one["severity"], one["host"], one["pod"], one["text"]) for one in report["attention"]
    ]
    lines += _table(("", "host", "pod", "what"), attention) if attention else ["Nothing."]
    lines += ["", "## Hosts", ""]
    lines += _table(
        ("host", "state", "pods", "agent", "system", "kernel", "up"),
        (
            (one["name"], one["state"], one["pods"], one["agent"], one["os"], one["kernel"], age(one["uptime"]))
            for one in report["hosts"]
        ),
    )  # fmt: skip
    lines += ["", "## Pods", ""]
    titles = ("pod", "host", "health", "version", "isolation", "verdict", "drift", "restarts")
    lines += _table((*titles, "CPU", "memory", "up"), map(_pod, report["pods"]))
    lines += ["", "## Images", ""]
    lines += _table(
        ("image", "version", "digest", "verdict", "key", "hosts"),
        (
            (one["name"], one["version"], one["digest"][:20], one["verdict"]["kind"],
             ", ".join(one["verdict"]["keys"]), one["hosts"])
            for one in report["images"]
        ),
    )  # fmt: skip
    return "\n".join([*lines, ""])


def _pod(one: dict[str, Any]) -> tuple[Any, ...]:
    verdict = one["verdict"]
    lifted = f", lifted: {', '.join(verdict['lifted'])}" if verdict["lifted"] else ""
    cpu = one["cpu_percent"]
    return (
        *(one["name"] or one["uuid"][:8], one["host"], one["health"], versions(one)),
        *(one["isolation"]["stage1"], verdict["kind"] + lifted),
        "; ".join(drift["text"] for drift in one["drift"]),
        *(one["restarts"], "" if cpu is None else f"{cpu:.1f} %", size(one["memory"])),
        age(one["uptime"]),
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    out = [_row(titles), "|" + "---|" * len(titles)]
    return [*out, *map(_row, rows)]


def _row(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(cell('' if one is None else str(one)) for one in cells)} |"


def cell(raw: str) -> str:
    """A text as it is to be read: one line, nothing hidden, no markup and no link."""
    marked = _MARKUP.sub(r"\\\1", visible(raw))
    return _LINK.sub(lambda found: found.group(0)[:-1] + f"&#{ord(found.group(0)[-1])};", marked)


def size(count: float | None) -> str:
    """Bytes for people."""
    if count is None:
        return ""
    unit, *larger = ("B", "KiB", "MiB", "GiB", "TiB")
    while count >= 1000 and larger:
        count, unit = count / 1024, larger.pop(0)
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def age(seconds: float | None) -> str:
    """`3 h` of seconds."""
    if seconds is None:
        return ""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length * (1 if unit == "min" else 2):
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"
