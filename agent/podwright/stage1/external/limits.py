# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we ourselves hold a pod of a stage1 image to, and what is refused when it starts."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.host.cgrouplimits import Limits, limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.contract import Launch


def of_pod(pod: Launch) -> Limits:
    """The limits of the pod as a whole: on the stage1 and all that it starts, by its control group."""
    return limits(pod.manifest.isolators, default_pids=None)


def check(pod: Launch) -> None:
    """Refuse what a start asks for and the contract cannot say. Raises LaunchError."""
    if pod.listening:
        raise LaunchError(
            f"socket {pod.listening[0].name}: a stage1 image is not handed sockets",
            "publish the port instead, or choose stage1 namespaces",
            object=pod.uuid,
            reason="not-in-contract",
        )
    if pod.interactive and len(pod.manifest.apps) > 1:
        raise LaunchError(
            "an interactive pod has one app", f"this one has {len(pod.manifest.apps)}"
        )
