# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service manager that has started us, as our environment tells (sd_notify(3), sd_watchdog_enabled(3)).

PID 1 of a pod speaks to it, over a socket that is connected before it leaves the host behind;
so a unit must have NotifyAccess=all for that. Readiness is told by the process that was started itself.
"""

from __future__ import annotations

import os

from podwright.kernel import unixsocket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import PodPlan


def watchdog() -> float:
    """Seconds in which the manager wants a sign of life of this process, again and again, or 0."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return int(usec) / 1e6 if mine and usec.isascii() and usec.isdigit() else 0.0


def ready(uuid: str, pod_dir: str) -> None:
    """Tell it that the pod is ready; what an app has said of itself remains the status."""
    from podwright.host import systemd

    try:
        said = os.listdir(f"{pod_dir}/stage1/rootfs/rkt/told")
    except OSError:
        said = []
    systemd.notify("READY=1" if said else f"READY=1\nSTATUS=pod {uuid} is ready")


def outer(plan: PodPlan) -> tuple[int, float]:
    """A descriptor for what PID 1 has to say to the manager, -1 when it has not, or nobody listens;
    and `watchdog()`.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    speaks = any(app.life.notify or app.life.watchdog is not None for app in plan.apps)
    if not address or not (speaks or watchdog()):
        return -1, 0.0
    try:
        return unixsocket.connect_datagram(address).detach(), watchdog()
    except OSError:
        return -1, 0.0
