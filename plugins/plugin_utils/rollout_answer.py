# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has answered, before anything is decided by it: one that makes no sense is that host's failure. Pure.

Without this, a host that is broken or hostile would end the rollout of the whole fleet in the middle, and keep the
others from going back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_DONE = ("known", "actions")
NEEDED = {
    "looked": ("known", "left", "actions"),
    "staged": ("actions",),
    "switched": _DONE,
    "confirmed": ("known",),
    "rolled_back": _DONE,
    "rolled_back_all": _DONE,
    "rolled_back_late": _DONE,
    "rolled_back_lost": _DONE,
}
"""Results of the module rollout_host, and what must be there where a host has done well.

Others are those of the user's own tasks.
"""
POD = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A pod's name, or what looks like one: it is shown to people."""
MANY, LONG = 4096, 4096
"""Pods of a host, images of a pod; characters of a text."""

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


def checked(name: str, result: Any, run: str) -> Any:
    """The result of a task, or a failure in place of one that nobody can read.

    None for one that says nothing of this run: the task was skipped, or it is what an earlier rollout of the same
    play has left.
    """
    if name not in NEEDED or not isinstance(result, dict):
        return result
    if result.get("run", run if _is_bad(result) else "") != run:
        return None  # a failure without a run is Ansible's own
    told = result.get("podwright")
    bad = _is_bad(result)
    if (bad and told is None) or _is_sound(told, () if bad else NEEDED[name]):
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
        and all(name in told for name in needed)
        and all(fits(told[name]) for name, fits in PARTS.items() if name in told)
    )


def _by_pod(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda told: (
        isinstance(told, dict)
        and len(told) <= MANY
        and all(isinstance(name, str) and POD.fullmatch(name) for name in told)
        and all(map(fits, told.values()))
    )


def _is_text(told: Any) -> bool:
    return isinstance(told, str) and len(told) <= LONG


def _texts(told: Any) -> bool:
    return isinstance(told, list) and len(told) <= MANY and all(map(_is_text, told))


def _has(told: Any, kinds: dict[str, Any]) -> bool:
    return isinstance(told, dict) and all(
        _is_text(told.get(name)) if kind is str else isinstance(told.get(name), kind)
        for name, kind in kinds.items()
    )


PARTS: dict[str, Callable[[Any], bool]] = {
    "known": _by_pod(lambda pod: _has(pod, KNOWN) and _texts(pod.get("images"))),
    "left": _by_pod(lambda record: _has(record, LEFT)),
    "actions": _by_pod(_texts),
    "wants": _by_pod(_is_text),
    "held": lambda told: isinstance(told, bool),
    "lease": lambda told: told is None or _has(told, {"message": str, "hint": str}),
}
