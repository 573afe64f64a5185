# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod's own journal below its root, where systemd-machined's clients look for it.

Apps have other roots, from which it cannot be reached; it is read-only even for PID 1.
"""

from __future__ import annotations

import os

from podwright.kernel import beneath, mounts
from podwright.stage1.namespaces.plan import PodPlan


def mount(plan: PodPlan, pod: int, here: int) -> None:
    """Bind it; `pod` is the pod's root as a mount, `here` the same directory on the host."""
    place = f"var/log/journal/{os.path.basename(plan.journal)}"
    os.close(beneath.make_dirs(here, place))
    journal = mounts.clone(mounts.AT_FDCWD, plan.journal)
    mounts.restrict(journal, mounts.RDONLY | mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)
    target = beneath.open_strict(pod, place, beneath.DIRECTORY)
    mounts.attach(journal, target)
    os.close(target)
    os.close(journal)
