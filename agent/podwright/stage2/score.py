# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app's oom_score_adj in a pod with a user namespace of its own.

Nobody in there may write to the file of a process that has not executed anything yet, nor go
below what root of the host has set. So PID 1 opens its own file and goes down to the lowest value
while it is that root; later it takes an app's value for the moment in which it forks.
"""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

PATH = "/proc/self/oom_score_adj"


@value
class Score:
    """PID 1's file, its own value, and the one of an app."""

    fd: int
    own: int
    wanted: int

    def lend(self) -> None:
        """Who is forked now has the app's value."""
        _put(self.fd, self.wanted)

    def back(self) -> None:
        """PID 1 has its own value again."""
        _put(self.fd, self.own)


def prepare(wanted: list[Optional[int]]) -> list[Optional[Score]]:
    """As root of the host: make every app's value possible later, when `back` is called first."""
    numbers = [number for number in wanted if number is not None]
    if not numbers:
        return [None for _ in wanted]
    fd = os.open(PATH, os.O_RDWR | os.O_CLOEXEC)
    own = int(os.read(fd, 16))
    if min(numbers) < own:
        try:
            _put(fd, min(numbers))
        except PermissionError:
            raise LaunchError(
                f"oom-score-adj {min(numbers)} is lower than the agent's own ({own})",
                "run the agent with CAP_SYS_RESOURCE, or drop the isolator",
            ) from None
    return [None if number is None else Score(fd, own, number) for number in wanted]


def _put(fd: int, number: int) -> None:
    step("write")
    os.pwrite(fd, str(number).encode(), 0)
