# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that is the pod's own loopback: lo, which every pod has anyway."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.net.values import Attachment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.net.kinds import Want
    from podwright.net.plan import Step

KEYS: frozenset[str] = frozenset()


def attach(want: Want) -> Attachment:
    """The attachment; it reaches nothing, and nothing reaches it."""
    if want.assigned.addresses:
        raise UsageError(
            f"network {want.conf.name}: loopback has the addresses of lo and no others",
            "leave ipam out",
            object=want.conf.name,
        )
    return Attachment(
        net=want.conf.name,
        kind="loopback",
        ifname="lo",
        conf=want.conf,
        args=want.args,
        dns=want.assigned.dns,
    )


def steps(attached: Attachment) -> tuple[Step, ...]:
    """None: lo is up in every pod."""
    del attached
    return ()
