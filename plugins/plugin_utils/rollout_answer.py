# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has answered, before anything is decided by it: one that makes no sense is that host's failure. Pure.

Without this, a host that is broken or hostile would end the rollout of the whole fleet in the middle, and keep the
others from going back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OURS = (
    "looked",
    "staged",
    "switched",
    "confirmed",
    "rolled_back",
    "rolled_back_all",
    "rolled_back_late",
)
"""Results of the module rollout_host; others are those of the user's own tasks."""
NEEDED = {"looked": ("known", "left", "actions"), "confirmed": ("known",)}
"""What must be there where a host has done well."""

KNOWN: dict[str, Any] = {
    **dict.fromkeys(("state", "uuid", "created_at", "failing"), str),
    "ready": bool,
    "revision": int,
}
LEFT: dict[str, Any] = {
    **dict.fromkeys(("rollout", "run", "stage", "created_at"), str),
    **dict.fromkeys(("complete", "running"), bool),
    "revision": int,
}


def checked(name: str, result: Any) -> Any:
    """The result of a task, or a failure in place of one that nobody can read."""
    if name not in OURS or not isinstance(result, dict):
        return result
    told = result.get("podwright")
    if told is None or _is_sound(told, () if _is_bad(result) else NEEDED.get(name, ())):
        return result
    return {
        "failed": True,
        "msg": "what the host has answered makes no sense",
        "reason": "bad-answer",
        "stage": name,
        "hint": "see what has become of its Python and its agent",
    }


def _is_bad(result: dict[str, Any]) -> bool:
    return bool(result.get("failed") or result.get("unreachable"))


def _is_sound(told: Any, needed: tuple[str, ...]) -> bool:
    return (
        isinstance(told, dict)
        and (not told or all(name in told for name in needed))
        and all(fits(told[name]) for name, fits in PARTS.items() if name in told)
    )


def _by_pod(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda told: isinstance(told, dict) and all(map(fits, told.values()))


def _texts(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(one, str) for one in told)


def _has(told: Any, kinds: dict[str, Any]) -> bool:
    return isinstance(told, dict) and all(
        isinstance(told.get(name), kind) for name, kind in kinds.items()
    )


PARTS: dict[str, Callable[[Any], bool]] = {
    "known": _by_pod(lambda pod: _has(pod, KNOWN) and _texts(pod.get("images"))),
    "left": _by_pod(lambda record: _has(record, LEFT)),
    "actions": _by_pod(_texts),
    "wants": lambda told: isinstance(told, dict) and _texts([*told.values()]),
    "held": lambda told: isinstance(told, bool),
    "lease": lambda told: told is None or _has(told, {"message": str, "hint": str}),
}
