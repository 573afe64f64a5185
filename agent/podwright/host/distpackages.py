# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the Python packages importable that are not part of the agent.

The agent starts with `-I -S`, so nothing outside the standard library and its own tree is on
`sys.path`. Whoever needs python3-gnupg or pyroute2 calls `enable()` first.

Wheels that the role brought come before the distribution's packages: they were chosen for this
host and this version of the agent, whatever else is installed. They lie in the agent's own tree,
so that a running supervisor keeps those that it started with.
"""

from __future__ import annotations

import os
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
PLACES = (f"{TREE}/wheels", "/usr/lib/python3/dist-packages")


def enable() -> None:
    """Put the role's wheels, then the distribution's packages, behind everything else."""
    for place in PLACES:
        if place not in sys.path and os.path.isdir(place):
            sys.path.append(place)
