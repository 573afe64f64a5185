# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is: to be started, to be asked to end, to be started again. Pure."""

from __future__ import annotations

from podwright.model.life import FIRST_FAILURE, Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Optional

LONGEST_PAUSE = 60.0
LONG_ENOUGH = 60.0
"""An app that ran for this many seconds is started again as if for the first time."""


def missing(
    wants: Iterable[Dependency], started: Collection[str], ready: Collection[str]
) -> list[Dependency]:
    """What an app still waits for, of what it `wants`."""
    return [
        dependency
        for dependency in wants
        if dependency.app not in (ready if dependency.condition == "ready" else started)
    ]


def hopeless(lacks: Iterable[Dependency], over: Collection[str]) -> Optional[Dependency]:
    """The first missing dependency that can never come, since its app has ended for good."""
    return next((dependency for dependency in lacks if dependency.app in over), None)


def dependents(wants: Mapping[str, Iterable[Dependency]]) -> dict[str, frozenset[str]]:
    """Who depends on each app."""
    return {
        app: frozenset(
            other for other, needs in wants.items() if any(need.app == app for need in needs)
        )
        for app in wants
    }


def unneeded(users: Mapping[str, frozenset[str]], alive: Collection[str]) -> list[str]:
    """The apps that are alive and that nobody depends on who is alive."""
    return [app for app in users if app in alive and not users[app].intersection(alive)]


def starts_again(restart: str, status: int) -> bool:
    """Whether an app that ended by itself with `status` is started again."""
    return restart == "always" or (restart == "on-failure" and status != 0)


def pause(base: float, attempt: int) -> float:
    """Seconds before an app is started again; `attempt` counts from 0."""
    return min(base * 2.0 ** min(attempt, 32), max(base, LONGEST_PAUSE))


def ends_pod(policy: str, app: str, status: int) -> bool:
    """Whether the pod ends because this app has ended for good with `status`."""
    if policy == FIRST_FAILURE:
        return status != 0
    return policy == f"app:{app}"


def counts(policy: str, app: str) -> bool:
    """Whether the app's status can become the pod's."""
    return not policy.startswith("app:") or policy == f"app:{app}"
