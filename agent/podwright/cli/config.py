# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright config`: the merged configuration as JSON."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli.context import Context, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Print every kind of configuration that is in force."""
    merged = {
        "stage0": [{"rktKind": "paths", "rktVersion": "v1", "data": context.layout.data}],
        "directories": {
            "system": context.layout.system_config,
            "local": context.layout.local_config,
            "user": context.layout.user_config,
        },
    }
    pretty = args.text("pretty-print", "true") == "true"
    say(jsonio.pretty(merged) if pretty else jsonio.dumps(merged))
    return 0
