# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop one pod: through its unit where systemd restarts it, else by a signal to its init."""

from __future__ import annotations

from podwright.host import supervisor
from podwright.stage0 import pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout


def stop(layout: Layout, pod: pods.Pod, *, force: bool = False) -> bool:
    """Ask a running pod to end (or kill it); False when it does not run. Does not wait,
    except that a pod with a unit is stopped by systemd, which does.
    """
    if pod.state != "running":
        return False
    from podwright.stage1.namespaces.stop import stop as stop_namespaces

    name = (pod.read_json("runtime-config") or {}).get("name", "")
    supervised = bool(name) and pods.instance(layout, name) == pod.uuid
    stopped = True
    if force or not supervised:
        stopped = stop_namespaces(pod.path, force)
    if supervised:
        supervisor.stop(layout, name)  # else it would start the pod again
    return stopped
