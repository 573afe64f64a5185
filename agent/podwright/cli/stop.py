# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright stop`."""

from __future__ import annotations

from podwright.cli import which
from podwright.cli.context import Context
from podwright.stage0 import stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Stop every pod named; a pod that has ended already is fine. 254 if any failed."""
    force = args.true("force")
    return which.each(
        context, args, "stop", lambda pod: stop.stop(context.layout, pod, force=force)
    )
