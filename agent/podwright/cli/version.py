# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright version`."""

from __future__ import annotations

import os
import sys

from podwright import __version__
from podwright.cli.context import Context, print_json, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

APPC = "0.8.11"


def run(context: Context, args: Arguments) -> int:
    """Print the version of the agent, of the appc specification it follows, and of Python."""
    system = os.uname()
    facts = {
        "podwright": __version__,
        "appc": APPC,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "os": f"{system.sysname.lower()}/{system.machine}",
    }
    if args.text("format"):
        print_json(facts)
        return 0
    say(f"podwright Version: {facts['podwright']}")
    say(f"appc Version: {facts['appc']}")
    say(f"Python Version: {facts['python']}")
    say(f"OS/Arch: {facts['os']}")
    say("Features: -TPM -SDJOURNAL")
    return 0
