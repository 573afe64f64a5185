# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the distribution's Python packages importable.

The agent starts with `-I -S`, so nothing outside the standard library and its own tree is on
`sys.path`. Whoever needs python3-gnupg or pyroute2 calls `enable()` first.
"""

from __future__ import annotations

import os
import sys

PLACES = ("/usr/lib/podwright/wheels", "/usr/lib/python3/dist-packages")


def enable() -> None:
    """Put the role's wheels, then the distribution's packages, behind everything else."""
    for place in PLACES:
        if place not in sys.path and os.path.isdir(place):
            sys.path.append(place)
