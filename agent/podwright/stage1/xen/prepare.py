# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parent of a pod finds out before its domain can be started."""

from __future__ import annotations

from podwright.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.net.worker import NetWorker
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.init import Run


def road(
    pod: Launch, plan: PodPlan, cache: str, network: Optional[NetWorker]
) -> tuple[PodPlan, Run]:
    """What the pod's control groups are made for, and what its PID 1 does."""
    raise HostError("stage1 xen cannot be started yet")
