# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright gc`: mark and remove what has ended."""

from __future__ import annotations

from podwright.cli import durations
from podwright.cli.context import Context, answer, note, say
from podwright.stage0 import collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Problems with single pods are said on standard error; the status stays 0 (B10)."""
    context.need_root("gc")
    check = args.true("check")
    if check:
        from podwright.stage0.collectplan import plan as work
    else:
        work = collect.collect
    done = work(
        context.layout,
        durations.seconds(args.text("grace-period", "30m"), "--grace-period"),
        durations.seconds(args.text("expire-prepared", "24h"), "--expire-prepared"),
        args.true("mark-only"),
    )
    if not check:
        _count(context, done)
    for problem in done.problems:
        note(problem)
    facts = {"marked": done.marked, "removed": done.removed, "problems": done.problems}
    if answer(args, {what: list(which) for what, which in facts.items()}):
        return 0
    would = "would be " if check else ""
    for uuid in done.marked:
        say(f"{would}marked {uuid}")
    for uuid in done.removed:
        say(f"{would}removed {uuid}")
    return 0


def _count(context: Context, done: collect.Collected) -> None:
    """For monitoring."""
    import time

    from podwright.host import counters

    numbers = {"removed": done.removed, "marked": done.marked, "problems": done.problems}
    counted: dict[str, float] = {f"gc-{name}": len(found) for name, found in numbers.items()}
    counters.add(context.layout, {**counted, "gc-last": round(time.time(), 3)})
