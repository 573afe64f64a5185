# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where something is mounted in an app's root: resolved once, inside it, by descriptor (threats.md T64, T65).

Links of the image are followed as the app would follow them. What lies in a volume may belong to
another pod, so there no link is followed.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel import beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def enclosing(where: str, others: Iterable[str]) -> str:
    """The innermost of the other targets that `where` is below, or ""."""
    return max((other for other in others if where.startswith(f"{other}/")), key=len, default="")


def open_target(base: int, where: str, inside: str, *, directory: bool) -> int:
    """Open `where` below `base`, making what is missing.

    inside  its leading part that a volume is mounted at, "" for none
    Raises OSError for what is in the way; a target that is `base` itself is one.
    """
    make = beneath.make_dirs if directory else beneath.make_file
    if not inside:
        found = make(base, where)
        if os.path.sameopenfile(found, base):
            os.close(found)
            raise OSError(errno.EBUSY, "leads to the app's root")
        return found
    outer = beneath.open_in_root(base, inside, beneath.DIRECTORY)
    try:
        return make(outer, where[len(inside) + 1 :], links=False)
    finally:
        os.close(outer)
