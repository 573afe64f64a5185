# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a program of the host is that a machine needs."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def find(said: str, places: Iterable[str], settings: str) -> str:
    """The program that an administrator says in `settings`, or the first there is in `places`; "" for none.

    Raises HostError where what was said is no program.
    """
    for place in (said,) if said else places:
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    if said:
        raise HostError(f"{safe(said, 100)} is no program", f"correct it in {settings}")
    return ""
