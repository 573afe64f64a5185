# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright restart`: a named pod stops and starts again, as it is."""

from __future__ import annotations

from podwright.cli import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Restart every pod named and wait until it is ready; 254 if any failed."""
    return named.each(context, args, "restart", "restarted")
