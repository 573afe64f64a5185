# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PID 1 does so that each app can be given its process limits.

Raising a hard limit takes a privilege that an app's process does not have any more when it is
confined, and that nobody in a user namespace has. So PID 1 raises its own early, and every app
sets all limits that any of them named: its own, or what PID 1 had before.
"""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.kernel import rlimits
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.stage2.app import Target

ISOLATOR = "os/linux/rlimits"


def prepare(targets: list[Target], report: Callable[[str], None]) -> list[Target]:
    """The targets with their limits. Raises LaunchError for one that this host does not grant.

    report  takes a sentence about one that is optional, and is therefore only cut down
    """
    asked = [{name: (soft, hard) for name, soft, hard in _asked(target)} for target in targets]
    for name in sorted({name for own in asked for name in own}):
        before = rlimits.get(name)
        if not _raised(name, before, [own[name][1] for own in asked if name in own]):
            _cut(name, before[1], targets, asked, report)
        for own in asked:
            own.setdefault(name, before)
    return [
        replace(target, rlimits=tuple((name, *own[name]) for name in sorted(own)))
        for target, own in zip(targets, asked)
    ]


def _asked(target: Target) -> tuple[tuple[str, int, int], ...]:
    return target.plan.restrictions.rlimits


def _is_more(amount: int, than: int) -> bool:
    return than != -1 and (amount == -1 or amount > than)


def _raised(name: str, before: tuple[int, int], wanted: list[int]) -> bool:
    """Raise our own hard limit to the highest that is wanted; whether all of them can be had."""
    most = -1 if -1 in wanted else max(wanted)
    if not _is_more(most, before[1]):
        return True
    try:
        rlimits.put(name, before[0], most)
    except OSError:
        return False
    return True


def _cut(
    name: str,
    most: int,
    targets: list[Target],
    asked: list[dict[str, tuple[int, int]]],
    report: Callable[[str], None],
) -> None:
    for target, own in zip(targets, asked):
        soft, hard = own.get(name, (0, 0))
        if not _is_more(hard, most):
            continue
        text = f"app {target.plan.name}: limit {name.lower()} cannot be raised above {most}"
        if ISOLATOR not in target.plan.restrictions.optional:
            raise LaunchError(
                f"{text}, which is what the agent has itself",
                "raise it for the agent (Limit…= in its unit), or give it CAP_SYS_RESOURCE",
                object=target.plan.name,
            )
        report(text)
        own[name] = (most if _is_more(soft, most) else soft, most)
