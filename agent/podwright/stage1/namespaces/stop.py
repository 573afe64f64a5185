# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a running pod to end, or kill it; safe against reused pids (threats.md T89)."""

from __future__ import annotations

import os
import signal

from podwright.kernel.step import step
from podwright.stage1.namespaces import record


def stop(pod_dir: str, force: bool = False) -> bool:
    """Signal a pod's PID 1: TERM (apps get the stop signal, then KILL), or KILL with `force`.

    Does not wait. False when the pod has no running PID 1.
    """
    init = record.read(pod_dir)
    pidfd = record.open_init(init) if init is not None else None
    if pidfd is None:
        return False
    try:
        if force:
            record.write_forced(pod_dir)
        step("kill")
        signal.pidfd_send_signal(pidfd, signal.SIGKILL if force else signal.SIGTERM)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True
