# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the PID 1 of a pod whose apps come and go prepares while it is root of the host.

Only loaded for such pods.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.kernel import fs, mounts, rlimits
from podwright.stage1.namespaces import views
from podwright.stage2 import score
from podwright.stage2.changing import Changing
from podwright.stage2.control import Refused
from podwright.stage2.errand import Overheard
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.app import Stdio, Target
    from podwright.stage2.control import Control
    from podwright.stage2.leftovers import Group

LEAST_SCORE = -1000
LIMITS = (
    *("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE"),
    *("NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"),
)


class Ground:
    """What is prepared while PID 1 is root of the host.

    file, own, least    its oom_score_adj, what that is, and how low an app's may be
    limits              its process limits, as every app has them that does not ask for others
    metadata            where apps ask who they are, or ""; known when the pod is registered
    """

    made: Changing
    metadata = ""

    def __init__(self, pod: int, own_users: bool) -> None:
        self.own_users = own_users
        proc = mounts.filesystem("proc", (), views.KERNEL)
        fs.mkdir_missing("proc", 0o755, pod)
        views.attach_at(pod, "proc", proc)
        self.file = os.open(score.PATH, os.O_RDWR | os.O_CLOEXEC)
        self.own = self.least = int(os.read(self.file, 16))
        self._lower()
        self.limits = {name: rlimits.get(name) for name in LIMITS}
        jsonio.loads(b"{}", "nothing")  # what that loads is out of reach later

    def _lower(self) -> None:
        """Who is in a user namespace can go down to where root of the host has been."""
        base = score.Score(self.file, self.own, LEAST_SCORE)
        try:
            base.lend()
        except PermissionError:
            return
        self.least = LEAST_SCORE
        base.back()

    def supervisor(
        self,
        plan: PodPlan,
        targets: list[Target],
        link: Inside,
        address: str,
        stdio: Stdio,
        null: int,
        groups: Optional[dict[str, Group]] = None,
    ) -> Changing:
        """See `Changing`."""
        targets = [self.limited(target) for target in targets]
        self.made = Changing(plan, targets, Overheard(link), address, stdio, null, groups)
        self.made.prepare(self)
        return self.made

    def control(self, server: int, _targets: list[Target], mapped: bool) -> Control:
        """Serve the pod's control socket, see `entered.control`."""
        return self.made.serve(server, mapped)

    def limited(self, target: Target) -> Target:
        """With every process limit said: somebody may raise those of PID 1 for another app."""
        said = {name: (soft, hard) for name, soft, hard in target.rlimits}
        every = {**self.limits, **said}
        return replace(target, rlimits=tuple((name, *every[name]) for name in sorted(every)))

    def scored(self, target: Target) -> Target:
        """With what sets its oom_score_adj. Raises Refused for one that cannot be had."""
        wanted = target.plan.restrictions.oom_score_adj
        if wanted is None or not self.own_users:
            return target
        if wanted < self.least:
            raise Refused(f"oom-score-adj {wanted} is lower than the agent's own ({self.least})")
        return replace(target, score=score.Score(self.file, self.own, wanted))
