# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright history`: the revisions of a named pod that are kept, and what became of each."""

from __future__ import annotations

from podwright.cli import named
from podwright.cli.context import Context, answer, say
from podwright.cli.table import fitting
from podwright.reconcile import history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

TITLES = ("REVISION", "CREATED", "OUTCOME", "BY", "STAGE1", "IMAGE", "IMAGE ID", "POD")
DROPPED = ("IMAGE ID", "STAGE1", "BY", "IMAGE", "CREATED")
"""What a narrow terminal does not show, the least important first."""


def run(context: Context, args: Arguments) -> int:
    """Print them, the oldest first."""
    name = named.known(context, args, "history")
    found = history.of(context.layout, name)
    if answer(args, found):
        return 0
    rows = [row for one in found for row in _rows(one, args.true("full"))]
    drop = () if args.true("full") else DROPPED
    say(fitting(TITLES, rows, not args.true("no-legend"), drop))
    return 0


def _rows(one: dict[str, Any], full: bool) -> list[tuple[str, ...]]:
    outcome = one["outcome"] or "not started"
    if one["current"]:
        outcome = f"current, {outcome}"
    by = one["by"] + (f" to {one['source']}" if one["source"] else "")
    created = one["created_at"] if full else _seconds(one["created_at"])
    head = (str(one["revision"]), created, outcome, by, _stage1(one, full))
    rows = []
    for index, app in enumerate(one["images"]):
        image_id = app["id"] if full else app["id"][:19]
        rest = (app["image"], image_id, _pod(one, full) if index == 0 else "")
        rows.append((*(head if index == 0 else ("",) * 5), *rest))
    return rows or [(*head, "", "", _pod(one, full))]


def _stage1(one: dict[str, Any], full: bool) -> str:
    """What isolates the pod, and the image that does where one does."""
    image: str = one["stage1_image"]
    return f"{one['stage1']} {image if full else image[:19]}".rstrip()


def _pod(one: dict[str, Any], full: bool) -> str:
    uuid = str(one["uuid"] if full else one["uuid"][:8])
    return f"{uuid} ({history.GONE})" if uuid and one["pod_state"] == history.GONE else uuid


def _seconds(text: str) -> str:
    """A time without what is below a second."""
    whole, point, _ = text.partition(".")
    return f"{whole}Z" if point else text
