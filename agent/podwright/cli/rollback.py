# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright rollback`: apply an earlier revision of a named pod again, as a new one."""

from __future__ import annotations

from podwright.cli import named
from podwright.cli.context import Context, answer, note, say
from podwright.errors import UsageError
from podwright.reconcile import history
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Print what was done; 254 when the pod is not what it was."""
    context.need_root("rollback")
    name = named.known(context, args, "rollback")
    number = (
        _number(args.text("to")) if args.given("to") else history.previous(context.layout, name)
    )
    part = named.change(context, args, {"name": name, "revision": number})
    error = part["error"]
    if not answer(args, part) and not error:
        say(_told(name, number, part["changed"], check=args.true("check")))
    if error:
        note(safe("; ".join(text for text in (error["message"], error["hint"]) if text), 1000))
    return 254 if error else 0


def _told(name: str, number: int, changed: bool, *, check: bool) -> str:
    if not changed:
        return f"pod {name}: is as revision {number} was"
    return f"pod {name}: {'would go' if check else 'went'} back to revision {number}"


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) == 0:
        raise UsageError(
            f"--to: {safe(text, 40)!r} is not the number of a revision",
            "podwright history NAME shows them",
        )
    return int(text[:9])
