# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright version`."""

from __future__ import annotations

import sys

from podwright import __version__
from podwright.cli.context import Context, answer, say
from podwright.stage0 import platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

APPC = "0.8.11"
FEATURES = ("-TPM", "+SDJOURNAL")
"""As rkt had them: starts are measured, and the API service reads logs from the journal."""


def run(context: Context, args: Arguments) -> int:
    """Print the version of the agent, of the appc specification it follows, and of Python."""
    facts = {
        "podwright": __version__,
        "appc": APPC,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "os": f"{platform.OS}/{platform.host_arch()}",
    }
    if answer(args, {**facts, "features": list(FEATURES)}):
        return 0
    say(f"{'rkt' if context.layout.rkt else 'podwright'} Version: {facts['podwright']}")
    say(f"appc Version: {facts['appc']}")
    say(f"Python Version: {facts['python']}")
    say(f"OS/Arch: {facts['os']}")
    say(f"Features: {' '.join(FEATURES)}")
    return 0
