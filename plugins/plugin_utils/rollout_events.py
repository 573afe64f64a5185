# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rollout tells callbacks: docs/rollout.md, Events. Pure but for the clock."""

from __future__ import annotations

import time
from typing import Any

FAILURE = ("reason", "stage", "object", "hint")
CONTEXT = ("rollout", "run", "check", "direction", "phase", "batch", "batches")


def event(kind: str, context: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event of a kind, with all its fields."""
    about = {name: context.get(name) for name in CONTEXT}
    fleet = {"host": "", "hosts": [], "pods": list(context.get("pods") or ()), "actions": {}}
    nothing = dict.fromkeys(("message", *FAILURE), "")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"event": kind, "time": moment, **about, **fleet, **nothing, **more}


def failure(result: dict[str, Any]) -> dict[str, str]:
    """The fields about a failure, of the result of a task."""
    if result.get("unreachable"):
        return {
            "message": f"the host was not reached: {_line(result.get('msg'), 470)}",
            "reason": "unreachable",
            "stage": "connect",
            "object": "",
            "hint": "see that it runs, and roll out again",
        }
    return {
        "message": _line(result.get("msg"), 1000),
        **{name: _line(result.get(name), 300) for name in FAILURE},
    }


def _line(told: Any, most: int) -> str:
    """One line of at most so many characters: a host may say what it wants."""
    return " ".join(str(told or "").split())[:most]


def attach(result: dict[str, Any], *events: dict[str, Any]) -> dict[str, Any]:
    """The result with its events."""
    if events:
        result["podwright_event"] = events[-1]
    if len(events) > 1:
        result["podwright_events"] = list(events)
    return result
