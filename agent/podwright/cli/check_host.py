# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright check-host`: what this host can enforce, and what to do about the rest."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.cli import table
from podwright.cli.context import Context, note, say
from podwright.errors import UsageError
from podwright.host.checks import every
from podwright.host.checks.value import MISSING
from podwright.text import safe
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.host.checks.value import Check


def run(context: Context, args: Arguments) -> int:
    """0, or 1 when something that is required is missing."""
    wanted = _required(args.text("require"))
    context.need_root("check-host")
    found = every.run(context.layout.data)
    if any(os.path.lexists(f"{base}/tpm.d") for base in context.layout.config_dirs()):
        from podwright.tpm import facts

        found = [facts.check(context.layout, one) if one.name == "tpm" else one for one in found]
    if args.text("format"):
        show = jsonio.pretty if args.text("format") == "json-pretty" else jsonio.dumps
        say(show([to_json(check) for check in found]))
    else:
        say(_shown(found, not args.true("no-legend")))
    lacking = [check.name for check in found if check.name in wanted and check.status == MISSING]
    if lacking:
        note(f"required, but missing: {', '.join(lacking)}")
    return 1 if lacking else 0


def _required(text: str) -> tuple[str, ...]:
    wanted = tuple(name for name in text.split(",") if name)
    for name in wanted:
        if name not in every.NAMES:
            raise UsageError(
                f"--require: {safe(name, 40)!r} is not checked",
                f"known are {', '.join(every.NAMES)}",
            )
    return wanted


def _shown(found: list[Check], legend: bool) -> str:
    rows: list[tuple[str, ...]] = [
        (check.name, check.status, check.detail, check.hint) for check in found
    ]
    return table.render(("CHECK", "STATUS", "DETAIL", "TO DO"), rows, legend)
