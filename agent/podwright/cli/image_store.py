# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image rm | gc | verify`."""

from __future__ import annotations

from podwright.cli import durations
from podwright.cli.context import Context, answer, note, say
from podwright.cli.image import SHORT, find_id
from podwright.cli.table import render
from podwright.errors import NotFoundError, PodwrightError, StoreError, UsageError
from podwright.stage0 import store, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.storecheck import Checked


def rm_(context: Context, args: Arguments) -> int:
    """Remove images; one that is not there is a warning (E), one that is in use an error."""
    if not args.rest:
        raise UsageError("image rm needs an image", "podwright image rm IMAGE...")
    context.need_root("image rm")
    failed: list[str] = []
    gone: list[str] = []
    chosen: dict[str, str] = {}
    for text in args.rest:
        try:
            image_id, name = find_id(context.layout, text)
            chosen[image_id] = name
        except NotFoundError as err:
            note(f"warning: {err.sentence()}")
        except PodwrightError as err:
            failed.append(err.sentence())
    for image_id, name in _topmost_first(context, chosen):
        try:
            usage.remove(context.layout, image_id, name)
            gone.append(image_id)
        except NotFoundError as err:
            note(f"warning: {err.sentence()}")
        except PodwrightError as err:
            failed.append(err.sentence())
    _removed(args, gone, failed)
    return 254 if failed else 0


def _removed(args: Arguments, gone: list[str], problems: list[str]) -> None:
    """Say what is gone, and what is not."""
    for problem in problems:
        note(problem)
    if not answer(args, {"removed": gone, "problems": problems}):
        for image_id in gone:
            say(f"removed {image_id}")


def _topmost_first(context: Context, chosen: dict[str, str]) -> list[tuple[str, str]]:
    """IDs and names; an image comes before what it is built on, which has less below it."""

    def below(item: tuple[str, str]) -> int:
        try:
            record = store.read_record(context.layout, item[0])
        except StoreError:
            return 0
        return len(record.dependencies) if record else 0

    return sorted(chosen.items(), key=below, reverse=True)


def gc(context: Context, args: Arguments) -> int:
    """Remove images that were not used for the grace period and that nothing needs."""
    context.need_root("image gc")
    grace = durations.seconds(args.text("grace-period", "24h"), "--grace-period")
    if args.true("check"):
        gone = usage.to_collect(context.layout, grace, tuple(args.texts("without")))
        if not answer(args, {"removed": gone, "problems": []}):
            for image_id in gone:
                say(f"would be removed {image_id}")
        return 0
    gone, problems = usage.collect(context.layout, grace)
    _removed(args, list(gone), list(problems))
    return 0


def verify(context: Context, args: Arguments) -> int:
    """Read images in full; 254 when one is not what was stored."""
    from podwright.stage0.storecheck import Check

    if args.true("all") == bool(args.rest):
        raise UsageError(
            "image verify needs images, or --all", "podwright image verify IMAGE...|--all"
        )
    if args.true("all"):
        ids = store.image_ids(context.layout) if store.check(context.layout) else []
    else:
        ids = [find_id(context.layout, text)[0] for text in args.rest]
    check = Check(context.layout)
    found = [check.image(image_id) for image_id in dict.fromkeys(ids)]
    if not answer(args, [_json(one) for one in found]) and found:
        say(render(("ID", "NAME", "RESULT"), [_row(one) for one in found]))
        for one in found:
            for each in one.differences:
                say(f"{one.id[:SHORT]}  {each.path}  {each.what}")
    return 254 if any(one.differences for one in found) else 0


def _row(one: Checked) -> tuple[str, str, str]:
    count = len(one.differences)
    result = f"{count} difference{'s' if count > 1 else ''}" if count else "ok"
    return one.id[:SHORT], one.name or "-", result


def _json(one: Checked) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "ok": not one.differences,
        "differences": [{"path": each.path, "what": each.what} for each in one.differences],
    }
