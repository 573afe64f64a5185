# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright stage1 list` and `podwright stage1 make -`, which the module stage1 calls."""

from __future__ import annotations

import sys

from podwright import jsonio
from podwright.cli import table
from podwright.cli.context import Context, answer, note, say
from podwright.errors import PodwrightError, UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

MAX_ORDER = 1024 * 1024
_TITLES = ("IMAGE", "FLAVOURS", "KERNEL", "CHOSEN FOR", "VERDICT", "PROBLEM")


def list_(context: Context, args: Arguments) -> int:
    """Print the stage1 images of the store."""
    from podwright.stage0 import stage1list

    found = stage1list.every(context.layout, lambda err: note(err.sentence()))
    if not answer(args, found):
        say(table.render(_TITLES, [_row(one) for one in found], not args.true("no-legend")))
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        safe(one["name"], 100),
        ",".join(one["flavours"]),
        one["kernel"] or "-",
        ",".join(one["chosen_for"]) or "-",
        safe(one["verdict"]["text"], 60),
        safe(one["problem"], 100) or "-",
    )


def make(context: Context, args: Arguments) -> int:
    """0 when all was (or would be) done, 254 when anything was refused or failed."""
    if args.rest != ["-"]:
        raise UsageError("stage1 make reads standard input", "podwright stage1 make -")
    context.need_root("stage1 make")
    from podwright.stage0 import storewriter
    from podwright.stage0.stage1build import pipeline

    found: dict[str, Any]
    check = args.true("check")
    try:
        data = sys.stdin.buffer.read(MAX_ORDER + 1)
        raw = jsonio.loads(data, "standard input", limit=MAX_ORDER)
        orders = pipeline.read(raw)
        if not check and any(order.store for order in orders):
            storewriter.ensure(context.layout)
        if "images" in raw:
            found = pipeline.every(context.layout, orders, note, check=check)
        else:
            found = pipeline.run(context.layout, orders[0], note, check=check)
    except PodwrightError as err:
        from podwright.reconcile.answer import error_json

        note(safe(err.sentence(), 1000))
        found = {"changed": False, "warnings": [], "error": error_json(err)}
    say(jsonio.dumps(found))
    return 254 if "error" in found else 0
