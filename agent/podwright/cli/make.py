# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image make -`: what the module image_build asks for, as JSON on standard input."""

from __future__ import annotations

import sys

from podwright import jsonio
from podwright.cli.context import Context, note, say
from podwright.errors import PodwrightError, UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

MAX_ORDER = 16 * 1024 * 1024


def make(context: Context, args: Arguments) -> int:
    """0 when all was (or would be) done, 254 when anything was refused or failed."""
    if args.rest != ["-"]:
        raise UsageError("image make reads standard input", "podwright image make -")
    from podwright.stage0.build import pipeline

    answer: dict[str, Any]
    try:
        data = sys.stdin.buffer.read(MAX_ORDER + 1)
        order = pipeline.read(jsonio.loads(data, "standard input", limit=MAX_ORDER))
        answer = pipeline.run(
            context.layout, order, check=args.true("check"), diff=args.true("diff")
        )
    except PodwrightError as err:
        from podwright.reconcile.answer import error_json

        note(safe(err.sentence(), 1000))
        answer = {"changed": False, "warnings": [], "error": error_json(err)}
    say(jsonio.dumps(answer))
    return 254 if "error" in answer else 0
