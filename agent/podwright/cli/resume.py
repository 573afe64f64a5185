# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright resume`: a pod's parent that was asleep goes on, as the same process.

Nobody calls this by hand: `stage1/namespaces/patience.py` says how it comes about.
"""

from __future__ import annotations

from podwright.cli.context import Context, tell_report
from podwright.cli.options import Arguments
from podwright.errors import NotFoundError, UsageError
from podwright.stage0 import start
from podwright.stage1.namespaces import patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage1.contract import Outcome


def run(context: Context, args: Arguments) -> int:
    """Follow the pod to its end; returns what the verb that started it would have returned."""
    number = args.rest[-1] if args.rest else ""
    if not args.given("state") or not number.isdigit():
        raise UsageError("resume is for the agent itself", "podwright help lists the commands")
    state = patience.read(int(args.text("state")))
    if len(args.rest) == 1:
        return _run(context, state, int(number))
    return _supervise(context, args, state, int(number))


def _run(context: Context, state: dict[str, Any], number: int) -> int:
    from podwright.cli.run import again, tell

    outcome = start.resume(state, number, again(context), tell_report)
    tell(outcome)
    return outcome.status


def _supervise(context: Context, args: Arguments, state: dict[str, Any], number: int) -> int:
    from podwright.cli import supervise
    from podwright.kernel import signals

    name = args.rest[0]
    life = supervise.life_of(name, args, float(args.text("began")))
    revision = supervise.revision_of(context, life)
    if revision is None:
        raise NotFoundError(f"pod {name} is not known any more", object=name)

    def go_on() -> Outcome:
        supervise.heed(context, life)
        if number == signals.SIGURG:
            supervise.succeed(context, life)
        return start.resume(state, number, life.again(context), tell_report)

    return supervise.conclude(context, life, revision, go_on)
