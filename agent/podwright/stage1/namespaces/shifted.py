# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod with other owners on disk, where its file system has no id-mapped mounts.

Its range of users then stays taken until the pod is removed, whose directory has a mark.
"""

from __future__ import annotations

import os

from podwright.host.uidranges import COPIED
from podwright.kernel import fs
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import PodPlan


def begin(plan: PodPlan, here: int, first: int) -> None:
    """Mark the pod before anything is copied, and give its root (`here`) to the pod's root."""
    fs.write_atomic(f"{plan.pod_dir}/{COPIED}", b"", 0o640, durable=False)
    for name in (".", *os.listdir(f"/proc/self/fd/{here}")):
        step("chown")
        os.chown(name, first, first, dir_fd=here, follow_symlinks=False)
