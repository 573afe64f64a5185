# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PID 1 knows about one app."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage2.app import Target
    from podwright.stage2.leftovers import Group
    from podwright.stage2.memory import Memory
    from podwright.stage2.ready import Readiness

WAITING, PRE_START, MAIN, CLEARING, POST_STOP, PAUSE, OVER = range(7)
"""Phases of an app: for its dependencies; its programs; the end of what it left behind; before it
is started again."""
CREATED = 7
"""It waits for somebody to have it started, in a pod whose apps come and go."""
NEVER = float("inf")

EXITED = "exited"
FAILED = "failed"
KILLED = "killed-by-signal"
OOM_KILLED = "oom-killed"
STOPPED = "stopped-by-pod"
UNHEALTHY = "unhealthy"
HOOK_FAILED = "hook-failed"
NEVER_STARTED = "never-started"


class App:
    """One app's state.

    phase, pid      where it is, and the process of that phase
    due             when the phase takes too long, or is over (monotonic)
    asked           it was asked to end, by the pod
    overdue         its hook took too long
    again           it will be started again
    held            it is not, since somebody has had it stopped
    hook            its post-stop hook is still to run
    executed        its main program ran at least once
    was_ready       it was ready at least once
    starting        its startup probe has not succeeded yet
    unhealthy       it was ended since a probe failed
    ended_for       why it was ended, where a probe or its watchdog did that
    said_ready      its program has said so in this life, by sd_notify(3)
    began           when its main program was executed (monotonic); 0 for not at all in this life
    started, finished    of its main program, in seconds since the epoch
    status, reason  how its last life ended; None and "" meanwhile
    memory          what tells that the kernel killed for want of it, where there is a limit
    """

    def __init__(self, target: Target, group: Optional[Group]) -> None:
        self.target = target
        self.plan = target.plan
        self.name = target.plan.name
        self.life = target.plan.life
        self.group = group
        self.phase = WAITING
        self.pid = 0
        self.due = NEVER
        self.asked = self.overdue = self.again = self.hook = self.held = False
        self.executed = self.was_ready = self.said_ready = False
        self.starting = self.unhealthy = False
        self.began = self.started = self.finished = 0.0
        self.status: Optional[int] = None
        self.reason = self.ended_for = ""
        self.restarts = 0
        self.attempt = 0
        self.ready: Optional[Readiness] = None
        self.memory: Optional[Memory] = None

    def enter(self, phase: int, due: float = NEVER) -> None:
        """Go on to a phase without a process."""
        self.phase, self.pid, self.due = phase, 0, due

    def why(self, status: int, killed: bool) -> str:
        """The reason for an end with `status`, in the phase that it is in."""
        if self.asked or (self.phase == PRE_START and status == 0):
            return STOPPED
        if self.unhealthy:
            return UNHEALTHY
        if self.phase == PRE_START:
            return HOOK_FAILED
        return EXITED if status == 0 else KILLED if killed else FAILED
