# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet's report for a terminal: what is wrong, and hosts by what they run. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_page import sentence
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible

SHOWN = 30
"""Lines of what is wrong; the files have all of it."""


def lines(report: dict[str, Any]) -> list[str]:
    """The report in few lines."""
    out = [sentence(report["summary"])]
    for one in report["attention"][:SHOWN]:
        where = f"{one['host']}: {one['pod']}: " if one["pod"] else f"{one['host']}: "
        hint = f" -> {one['hint']}" if one["hint"] else ""
        out.append(_cut(f"{one['severity']:8}{where}{one['text']}{hint}"))
    left = len(report["attention"]) - SHOWN
    return [*out, f"and {left} more"] if left > 0 else out


def _cut(text: str, width: int = 400) -> str:
    plain = visible(text)
    return plain if len(plain) <= width else plain[: width - 3] + "..."
