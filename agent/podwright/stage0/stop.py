# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop one pod: through its unit where systemd restarts it, else by a signal to its init."""

from __future__ import annotations

import time

from podwright.host import supervisor, systemd
from podwright.stage0 import pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout

RECORDED = 10.0
"""Seconds that the supervisor of a pod that was killed has to write down how that ended."""


def stop(layout: Layout, pod: pods.Pod, *, force: bool = False) -> bool:
    """Ask a running pod to end (or kill it); False when nothing was to be stopped. Does not wait,
    except that a pod with a supervisor is stopped through it, which does. A supervised pod that
    has ended is stopped too when it would be started again.
    """
    name = str(pod.read_object("runtime-config").get("name", ""))
    supervised = bool(name) and pods.instance(layout, name) == pod.uuid
    if pod.state != "running":
        waits = supervised and supervisor.active(layout, name, systemd.ActiveStates())
        if waits:
            supervisor.stop(layout, name)
        return waits
    stopped = True
    if force or not supervised:
        stopped = _stop(pod.path, force)
    if supervised:
        if force and stopped:
            _recorded(pod)  # whoever is asked to end meanwhile writes nothing
        supervisor.stop(layout, name)  # else it would start the pod again
    return stopped


def _stop(path: str, force: bool) -> bool:
    """By the stage1 that runs it."""
    from podwright.stage1.external import program

    if program.is_external(path):
        from podwright.stage1.external import points

        return points.stop(path, force)
    from podwright.stage1.namespaces.stop import stop as stop_namespaces

    return stop_namespaces(path, force)


def _recorded(pod: pods.Pod) -> None:
    """Wait until whoever ran a pod has let go of it, or takes too long."""
    deadline = time.monotonic() + RECORDED
    while pods.is_locked(pod.path) and time.monotonic() < deadline:
        time.sleep(0.01)
