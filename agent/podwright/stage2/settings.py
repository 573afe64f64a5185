# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the kernel settings of a pod's own namespaces, while PID 1 still sees the host's /proc."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel import process, sysctl
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.namespaces.plan import PodPlan, UserRange


_GROUPS = "net.ipv4.ping_group_range"
"""The only one whose value is ids: the kernel takes them as those of whoever writes them."""
_MISSING = "the pod's namespaces have no such setting"
_NO_INTERFACE = (
    "an interface has none before it is there: net.ipv4.conf.default counts for those that come"
)


def apply(plan: PodPlan, report: Callable[[str], None]) -> None:
    """Set them all. Raises LaunchError for one that is not there or does not take its value.

    report  takes a sentence about one that is optional
    """
    owner = 0 if plan.users is None else plan.users.first
    for key, text, optional in plan.sysctls:
        is_net = key.startswith("net.")
        wanted, cause = _of_host(text, plan.users) if key == _GROUPS else (text, "")
        cause = cause or _apply(key, wanted, plan.host_net and is_net, 0 if is_net else owner)
        if cause and not optional:
            raise LaunchError(
                f"{key} cannot be set to {safe(text, 60)!r}: {cause}",
                _NO_INTERFACE if cause == _MISSING else "see sysctl(8) and the kernel's own pages",
                object=key,
            )
        if cause:
            report(f"{key} is not set: {cause}")


def _of_host(text: str, users: Optional[UserRange]) -> tuple[str, str]:
    """The pod's groups as the host, whose root we still are, counts them; why they are none, or ""."""
    if users is None:
        return text, ""
    numbers = text.split()
    if len(numbers) != 2 or not all(one.isascii() and one.isdigit() for one in numbers):
        return "", "it takes the first and the last group"
    if any(len(one) > 10 or int(one) >= users.count for one in numbers):
        return "", f"the pod's groups are 0 to {users.count - 1}"
    return " ".join(str(users.first + int(one)) for one in numbers), ""


def _apply(key: str, text: str, is_the_hosts: bool, owner: int) -> str:
    """Set one as user `owner`; why that is not possible, or "".

    What is IPC's can be written by the user namespace's root only: the host's has no more rights
    there than anybody.
    """
    if is_the_hosts:
        return "with net host it is the host's"
    try:
        if owner:
            os.seteuid(owner)
        sysctl.put(key.replace(".", "/"), text)
    except FileNotFoundError:
        return _MISSING
    except OSError as err:
        return err.strerror or str(err)
    finally:
        if owner:
            os.seteuid(0)
            process.die_with_parent()  # which the change of user took back
            process.hide_from_peers()
    return ""
