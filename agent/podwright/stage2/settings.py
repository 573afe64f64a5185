# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the kernel settings of a pod's own namespaces, while PID 1 still sees the host's /proc."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.kernel import sysctl
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.stage1.namespaces.plan import PodPlan


def apply(plan: PodPlan, report: Callable[[str], None]) -> None:
    """Set them all. Raises LaunchError for one that is not there or does not take its value.

    report  takes a sentence about one that is optional
    """
    for key, text, optional in plan.sysctls:
        cause = _apply(key, text, plan.host_net and key.startswith("net."))
        if cause and not optional:
            raise LaunchError(
                f"{key} cannot be set to {safe(text, 60)!r}: {cause}",
                "settings of one interface cannot be set before it is there: net.*.conf.default"
                " counts for those that come",
                object=key,
            )
        if cause:
            report(f"{key} is not set: {cause}")


def _apply(key: str, text: str, is_the_hosts: bool) -> str:
    """Set one; why that is not possible, or ""."""
    if is_the_hosts:
        return "with net host it is the host's"
    try:
        sysctl.put(key.replace(".", "/"), text)
    except FileNotFoundError:
        return "the pod's namespaces have no such setting"
    except OSError as err:
        return err.strerror or str(err)
    return ""
