# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright apply`: read the desired state, take the host's apply lock, answer."""

from __future__ import annotations

import os
import sys

from podwright import jsonio
from podwright.cli import durations
from podwright.cli.context import Context, agent_command, note, say
from podwright.cli.options import Arguments
from podwright.errors import PodwrightError, UsageError
from podwright.host.lock import HostLock
from podwright.model.spec import parse_desired
from podwright.reconcile import answer as answers
from podwright.reconcile import apply
from podwright.stage0 import storewriter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_STATE = 16 * 1024 * 1024
HINT = 'give the desired state as JSON, such as {"pods": [{"name": "web", "image": "..."}]}'


def run(context: Context, args: Arguments) -> int:
    """0 when all is (or would be) as desired, 254 when anything was refused or failed."""
    context.need_root("apply")
    if args.true("no-wait") or args.text("wait", "true") == "false":
        raise UsageError(
            "apply always waits: what does not become ready is taken back",
            "--no-wait is for podwright start and podwright restart",
        )
    if args.true("stage") and args.true("check"):
        raise UsageError(
            "--stage fetches images, and --check changes nothing", "say one of the two"
        )
    form = args.text("format") or ("text" if sys.stdout.isatty() else "json")
    progress, close = _watched(context, _progress(form, args.text("progress")))
    mode = answers.Mode(
        check=args.true("check") or args.true("stage"),
        diff=args.true("diff"),
        stage=args.true("stage"),
        command=[*agent_command(), *context.global_argv],
        progress=progress,
    )
    try:
        desired = parse_desired(_read(args))
        answer = _locked(context, args, desired, mode)
    except PodwrightError as err:
        if form == "text":
            raise
        answer = {
            "changed": False,
            "check": mode.check,
            "pods": [],
            "keys": [],
            "images": [],
            "warnings": [],
        }
        answer["error"] = answers.error_json(err)
    finally:
        close()
    if form == "text":
        _tell(answer)
    else:
        say(jsonio.pretty(answer) if form == "json-pretty" else jsonio.dumps(answer))
    error = answer.get("error")
    if error:
        _count(context, error)
        note(safe("; ".join(text for text in (error["message"], error["hint"]) if text), 1000))
    return 254 if error else 0


def _count(context: Context, error: dict[str, Any]) -> None:
    from podwright.host import counters

    counters.refused(context.layout, error["stage"], error["reason"])


def _locked(context: Context, args: Arguments, desired: Any, mode: answers.Mode) -> dict[str, Any]:
    """Apply under the host-wide lock; check mode needs none, since it changes nothing."""
    if mode.fetches:
        storewriter.ensure(context.layout)
    if mode.check:
        return apply.apply(context.layout, desired, mode)
    timeout = durations.seconds(args.text("lock-timeout", "60"), "--lock-timeout")
    with HostLock(f"{context.layout.locks}/apply", "apply", timeout):
        if os.path.exists(f"{context.layout.data}/pull"):
            from podwright.pull import keep

            keep.settle(context.layout)
        return apply.apply(context.layout, desired, mode)


def _progress(form: str, wanted: str) -> Any:
    """Who reports progress; without a wish, people see it and programs do not."""
    if form != "text" and not wanted:
        return None
    from podwright.cli.progress import printer

    return printer(wanted)


def _watched(context: Context, progress: Any) -> tuple[Any, Callable[[], None]]:
    """The same for those who look from outside, too, if the caller wants that; and what ends it."""
    if "PODWRIGHT_PROGRESS" not in os.environ:
        return progress, _nothing
    from podwright.host import watched

    name = watched.asked()
    if not name:
        return progress, _nothing
    told = watched.Watched(context.layout, name, progress)
    return told, told.close


def _nothing() -> None:
    """Nobody looks."""


def _read(args: Arguments) -> Any:
    """The desired state from the file named, or from standard input."""
    if len(args.rest) > 1 or (not args.rest and sys.stdin.isatty()):
        raise UsageError("apply needs one file", "podwright apply FILE, or - for standard input")
    path = args.rest[0] if args.rest else "-"
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_STATE + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_STATE + 1)
    except OSError as err:
        raise UsageError(
            f"{safe(path, 200)}: {err.strerror}",
            "podwright apply FILE, or - for standard input",
            object=safe(path, 200),
        ) from None
    what = "standard input" if path == "-" else safe(path, 200)
    if not data.strip():
        raise UsageError(f"{what} is empty", HINT)
    try:
        return jsonio.loads(data, what, limit=MAX_STATE)
    except UsageError as err:
        err.hint = err.hint or HINT
        raise


def _tell(answer: dict[str, Any]) -> None:
    """The answer for people: one line per object."""
    would = "would " if answer["check"] else ""
    for kind in ("keys", "policy", "secrets", "networks", "images", "pods"):
        for part in answer.get(kind, ()):
            actions = ", ".join(part.get("actions") or [part.get("action", "none")])
            state = (
                "failed"
                if part.get("error")
                else (f"{would}{actions}" if part["changed"] else "unchanged")
            )
            say(f"{kind.rstrip('s')} {safe(part['label'], 100)}: {state}")
    for warning in answer["warnings"]:
        note(f"warning: {warning}")
