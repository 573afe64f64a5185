# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two groups that may do a part of root's work; the role makes them, none must exist.

`podwright` fetches images, into the store's inbox; `podwright-admin` decides which keys are
trusted. Only root renders and runs.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FETCHERS = "podwright"
TRUSTERS = "podwright-admin"
RKT_TRUSTERS = "rkt-admin"
"""Who decided that for rkt, below /etc/rkt."""


def gid(name: str) -> Optional[int]:
    """The number of a group, or None where it does not exist."""
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
