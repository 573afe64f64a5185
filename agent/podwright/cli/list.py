# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright list`."""

from __future__ import annotations

import time

from podwright.cli import addresses
from podwright.cli.context import Context, answer, note, say
from podwright.cli.durations import ago
from podwright.cli.table import fitting
from podwright.stage0 import pods, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.cli.options import Arguments

THEIRS = ("UUID", "APP", "IMAGE NAME", "IMAGE ID", "STATE", "CREATED", "STARTED", "NETWORKS")
"""The columns that rkt had."""
DROPPED = ("CREATED", "NETWORKS", "IMAGE NAME", "STARTED", "READY", "APP")
"""What a narrow terminal does not show, the least important first."""
SHOWN = (pods.PREPARE, pods.PREPARED, pods.RUN, pods.EXITED_GARBAGE, pods.GARBAGE)


def run(context: Context, args: Arguments) -> int:
    """Print every pod, the youngest last; those that cannot be read are shown with their error."""
    found = [report.report(pod) for pod in pods.each(context.layout, SHOWN)]
    # one that is only just being made does not say when it was made: it is the youngest
    found.sort(key=lambda pod: (not pod["created_at"], pod["created_at"] or "", pod["name"]))
    if not found:
        _note_no_store(context)
    if args.text("format"):
        found = [_with_history(context, pod) for pod in found]
    if answer(args, found):
        return 0
    full = args.true("full")
    titles: tuple[str, ...] = ("UUID", "POD", "APP", "IMAGE NAME")
    titles += ("IMAGE ID",) if full else ()
    titles += ("STATE", "CREATED", "STARTED", "NETWORKS", "APP STATE", "READY")
    rows = [row for pod in found for row in _rows(pod, full)]
    rows += _absent(context, {pod["pod_name"] for pod in found}, full)
    if context.layout.rkt:  # its columns and no others, for scripts that count them
        kept = [at for at, title in enumerate(titles) if title in THEIRS]
        titles, *rows = [tuple(row[at] for at in kept) for row in (titles, *rows)]
    if rows or not args.true("no-legend"):
        drop = () if full or context.layout.rkt else DROPPED
        say(fitting(titles, rows, not args.true("no-legend"), drop))
    return 0


def _absent(context: Context, known: set[str], full: bool) -> list[tuple[str, ...]]:
    """Rows of the named pods that have no instance now; people look for them here."""
    if context.layout.rkt:
        return []
    from podwright.cli import absent

    rest = ("-",) * 3
    return [
        (
            "-" if name else "",
            name,
            app,
            image,
            *(("",) if full else ()),
            *((absent.STATE, *rest) if name else ("",) * 4),
            "",
            "",
        )
        for name, app, image in absent.rows(context.layout, known)
    ]


def _with_history(context: Context, pod: dict[str, Any]) -> dict[str, Any]:
    """The pod that has a name now with the revisions of the name, for programs."""
    name = pod["pod_name"]
    if not name or pods.instance(context.layout, name) != pod["name"]:
        return pod
    from podwright.reconcile import history

    return {**pod, "history": history.of(context.layout, name)}


def _note_no_store(context: Context) -> None:
    from podwright.stage0 import store

    if not store.check(context.layout):
        note(f"there is no store at {context.layout.data}")


def _rows(pod: dict[str, Any], full: bool) -> list[tuple[str, ...]]:
    apps = pod["apps"] or [
        {"name": "-", "image_name": pod.get("error", "-"), "image_version": "", "image_id": "-"}
    ]
    rows = []
    for index, app in enumerate(apps):
        first = index == 0
        image = app["image_name"] + (f":{app['image_version']}" if app["image_version"] else "")
        row: tuple[str, ...] = (
            (pod["name"] if full else pod["name"][:8]) if first else "",
            (pod["pod_name"] or "-") if first else "",
            app["name"],
            image,
        )
        row += (app["image_id"],) if full else ()
        row += (
            pod["state"] if first else "",
            _time(pod["created_at"], full) if first else "",
            _time(pod["started_at"], full) if first else "",
            addresses.networks(pod["networks"], every=False) if first else "",
            _app_state(pod, app),
            _ready(app),
        )
        rows.append(row)
    return rows


def _app_state(pod: dict[str, Any], app: dict[str, Any]) -> str:
    """What an app does, in words: an app that ended does not always end its pod."""
    if "state" not in app:
        return ""
    text: str = app["state"]
    if text == "exited" and app["exit_code"] is not None:
        text = f"exited {app['exit_code']}"
    elif text == "created" and pod["state"] == "running":
        text = "waiting"
    times = app["restarts"]
    return f"{text}, {times} restart{'s' if times > 1 else ''}" if times else text


def _ready(app: dict[str, Any]) -> str:
    """Whether an app that runs serves."""
    if app.get("state") != "running":
        return ""
    return "yes" if app["ready"] else "no"


def _time(text: Optional[str], full: bool) -> str:
    if not text or full:
        return text or "-"
    import calendar

    try:
        then = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return text
    return ago(then, time.time())
