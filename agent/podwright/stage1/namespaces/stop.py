# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a running pod to end, or kill it; safe against reused pids (threats.md T89)."""

from __future__ import annotations

import os
import signal

from podwright.kernel.step import step
from podwright.stage1.namespaces import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.record import InitRecord


def stop(pod_dir: str, force: bool = False) -> bool:
    """Signal a pod's PID 1: TERM (apps get the stop signal, then KILL), or KILL with `force`.

    Does not wait. False when the pod has no running PID 1. A frozen pod is thawed with `force`.
    Raises HostError naming the control group when it stays frozen; the signal is sent all the same.
    """
    init = record.read(pod_dir)
    pidfd = record.open_init(init) if init is not None else None
    if init is None or pidfd is None:
        return False
    try:
        if force:
            record.write_forced(pod_dir)
        step("kill")
        signal.pidfd_send_signal(pidfd, signal.SIGKILL if force else signal.SIGTERM)
        _thaw(pod_dir, init, force)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def _thaw(pod_dir: str, init: InitRecord, force: bool) -> None:
    """A frozen pod ends only when it is thawed (threats.md T85)."""
    from podwright.host import freezer

    directory = freezer.frozen_by(init.process["pid"])
    if not directory:
        return
    uuid = os.path.basename(pod_dir)
    if not force:
        raise freezer.blocked(uuid, directory)
    own = freezer.own_processes(pod_dir, init)
    freezer.release(uuid, sorted(own), own)


def end_orphan(pod_dir: str) -> None:
    """End a pod whose parent has died and which the kernel has not ended, since it is frozen.

    Raises HostError naming the control group that freezes it, when others are in there too.
    """
    init = record.read(pod_dir)
    if init is None or not record.is_orphan(pod_dir, init):
        return
    from podwright.host import freezer

    if freezer.frozen_by(init.process["pid"]):
        stop(pod_dir, force=True)
