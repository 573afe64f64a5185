# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright rm`: remove pods that do not run."""

from __future__ import annotations

from podwright.cli import which
from podwright.cli.context import Context, note
from podwright.stage0 import collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0 import pods


def run(context: Context, args: Arguments) -> int:
    """Remove every pod named; 254 if any could not be."""
    return which.each(context, args, "rm", lambda pod: _remove(context, pod))


def _remove(context: Context, pod: pods.Pod) -> None:
    for problem in collect.remove(context.layout, pod):
        note(f"warning: {problem}")
