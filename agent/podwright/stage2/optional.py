# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An out-of-memory score that is optional, where the host does not let us go so low."""

from __future__ import annotations

import os

from podwright.kernel.step import step
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.stage2.app import Target

ISOLATOR = "os/linux/oom-score-adj"
_PATH = "/proc/self/oom_score_adj"


def scores(targets: list[Target], report: Callable[[str], None]) -> list[Target]:
    """The targets without the scores that cannot be had and need not; tried on PID 1 itself."""
    fd = os.open(_PATH, os.O_RDWR | os.O_CLOEXEC)
    try:
        own = int(os.read(fd, 16))
        return [_kept(target, fd, own, report) for target in targets]
    finally:
        os.close(fd)


def _kept(target: Target, fd: int, own: int, report: Callable[[str], None]) -> Target:
    restrictions = target.plan.restrictions
    wanted = restrictions.oom_score_adj
    if wanted is None or wanted >= own or ISOLATOR not in restrictions.optional:
        return target
    step("write")
    try:
        os.pwrite(fd, str(wanted).encode(), 0)
    except PermissionError:
        report(f"app {target.plan.name}: oom-score-adj {wanted} is not set: the agent's is {own}")
        plan = replace(target.plan, restrictions=replace(restrictions, oom_score_adj=None))
        return replace(target, plan=plan)
    os.pwrite(fd, str(own).encode(), 0)
    return target
