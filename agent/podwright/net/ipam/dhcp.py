# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An IPv4 address of a DHCP server on the pod's link (`dhcp`); nothing is known before it is up."""

from __future__ import annotations

from podwright.net.ipam import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.fields import Fields
    from podwright.net.ipam import Ask, Assigned

KEYS = frozenset(("daemonSocketPath", "request", "provide", "priority"))


def check(fields: Fields) -> None:
    """Refuse what cannot be done."""
    fields.text("daemonSocketPath")


def assign(ask: Ask) -> Assigned:
    """Nothing yet."""
    return NOTHING
