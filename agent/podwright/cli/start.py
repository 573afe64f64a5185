# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright start`: a named pod that was stopped, or an unnamed one that has ended, runs again."""

from __future__ import annotations

import os

from podwright.cli import named, which
from podwright.cli.context import note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Start every pod named; an unnamed one runs in the foreground, and its status is returned."""
    context.need_root("start")
    found = which.names(args, "start")
    if len(found) == 1 and not named.name_of(context, found[0]):
        from podwright.cli import run_prepared

        if os.isatty(2):
            note("the pod has no name: it runs here, until it ends")
        return run_prepared.run(context, args)
    return named.each(context, args, "start", "started")
