# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which app of a pod depends on which: unknown names and circles are refused. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def check(wants: Mapping[str, tuple[str, ...]]) -> None:
    """Check who depends on whom, by app. Raises UsageError naming the app or the circle."""
    for app, others in wants.items():
        for index, other in enumerate(others):
            if other not in wants:
                raise UsageError(
                    f"app {app} depends on {safe(other, 60)}, which is no app of the pod",
                    f"its apps are {', '.join(wants)}",
                    object=app,
                )
            if other in others[:index]:
                raise UsageError(f"app {app} depends on {other} twice", object=app)
    circle = find_circle(wants)
    if circle:
        shown = " -> ".join((*circle, circle[0]))
        raise UsageError(
            f"apps depend on each other in a circle: {shown}",
            "one of them has to start first: take its dependency away",
            object=circle[0],
        )


def find_circle(wants: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Apps of which each depends on the next, and the last on the first; () when there are none."""
    left = {app: set(others) for app, others in wants.items()}
    while True:
        free = [app for app, others in left.items() if not others & left.keys()]
        if not free:
            break
        for app in free:
            del left[app]
    if not left:
        return ()
    # Whoever is left depends on somebody who is left, so that a walk must come back.
    path = [min(left)]
    while True:
        after = min(left[path[-1]] & left.keys())
        if after in path:
            return tuple(path[path.index(after) :])
        path.append(after)
