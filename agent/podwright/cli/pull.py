# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright pull`: follow the signed desired state of the fleet that this host belongs to."""

from __future__ import annotations

import sys
import time

from podwright import jsonio
from podwright.cli import durations
from podwright.cli.context import Context, agent_command, note, say
from podwright.cli.options import Arguments, split
from podwright.errors import PodwrightError, UsageError
from podwright.pull import settings as configured
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.model.spec import DesiredState
    from podwright.pull.settings import Settings


def run(context: Context, args: Arguments) -> int:
    """0 when this host is (or would be) as the bundle says, or waits its turn; 254 when not."""
    if args.true("status"):
        return _status(context, args)
    context.need_root("pull")
    form = args.text("format") or ("text" if sys.stdout.isatty() else "json")
    own = configured.complete(_settings(context, args))
    _pause(own, args)
    from podwright.pull import follow

    check = args.true("check")
    if not check:
        from podwright.stage0 import storewriter

        storewriter.ensure(context.layout)
    call = follow.Call(
        check=check,
        diff=args.true("diff"),
        again=args.true("again"),
        insecure=context.insecure,
        apply=lambda desired, done: _apply(context, args, desired, done, form),
        timeout=durations.seconds(args.text("timeout", "120s"), "--timeout"),
        lock_timeout=_lock_timeout(args),
    )
    result = follow.pull(context.layout, own, call)
    if form == "text":
        _tell(result)
    else:
        say(jsonio.pretty(result) if form == "json-pretty" else jsonio.dumps(result))
    _send(context, own, result)
    error = result["error"]
    if error:
        from podwright.host import counters

        if not check:
            counters.refused(context.layout, error["stage"], error["reason"])
        note(safe("; ".join(text for text in (error["message"], error["hint"]) if text), 1000))
    return 254 if error else 0


def _settings(context: Context, args: Arguments) -> Settings:
    """What the configuration says, and the options over it."""
    if len(args.rest) > 1:
        raise UsageError("pull needs one URL", "podwright pull https://example.com/fleet.json")
    found = selectors(args, configured.read(context.layout))
    changes: dict[str, Any] = {}
    if args.rest:
        changes["url"] = args.rest[0]
    if args.given("fleet"):
        changes["fleet"] = args.text("fleet")
    if args.given("report-url"):
        changes["report_url"] = args.text("report-url")
    if args.given("allow"):
        words = tuple(word for text in args.texts("allow") for word in text.split(","))
        changes["allow"] = configured.allowed(words, "--allow")
    for name in ("adopt", "repair"):
        if args.given(name):
            changes[name] = args.true(name)
    if args.given("splay"):
        changes["splay"] = int(durations.seconds(args.text("splay"), "--splay"))
    return replace(found, **changes)


def selectors(args: Arguments, found: Optional[Settings] = None) -> Settings:
    """The options that say which host it is, over what is known of it."""
    changes: dict[str, Any] = {}
    if args.given("host"):
        changes["host"] = args.text("host")
    if args.given("group"):
        changes["groups"] = tuple(args.texts("group"))
    if args.given("label"):
        labels: dict[str, str] = {}
        for text in args.texts("label"):
            labels.update(split(text, "--label"))
        changes["labels"] = tuple(sorted(labels.items()))
    return replace(found or configured.Settings(), **changes)


def _pause(own: Settings, args: Arguments) -> None:
    """Let not all hosts of a fleet ask at once. A person who calls it does not wait, nor does check mode."""
    if own.splay and not args.true("check") and (args.given("splay") or not sys.stdin.isatty()):
        from podwright.pull import follow

        time.sleep(follow.splay(own.fleet, own.splay))


def _lock_timeout(args: Arguments) -> float:
    return durations.seconds(args.text("lock-timeout", "60"), "--lock-timeout")


def _apply(
    context: Context,
    args: Arguments,
    desired: Callable[[], DesiredState],
    done: Callable[[], None],
    form: str,
) -> dict[str, Any]:
    """Bring it about as `apply` does, under the same lock; `done` when it went well."""
    from podwright.cli.progress import printer
    from podwright.host.lock import HostLock
    from podwright.pull import keep
    from podwright.reconcile import apply
    from podwright.reconcile.answer import Mode

    wanted = args.text("progress")
    mode = Mode(
        check=args.true("check"),
        diff=args.true("diff"),
        command=[*agent_command(), *context.global_argv],
        progress=printer(wanted) if form == "text" or wanted else None,
    )
    if mode.check:
        return apply.apply(context.layout, desired(), mode)
    with HostLock(f"{context.layout.locks}/apply", "pull", _lock_timeout(args)):
        keep.settle(context.layout)
        answer = apply.apply(context.layout, desired(), mode)
        if answer.get("error") is None:
            done()
        else:
            keep.settle(context.layout)
        return answer


def _send(context: Context, own: Settings, result: dict[str, Any]) -> None:
    """Tell whom the host reports to; that this fails is no failure of the pull."""
    if not own.report_url or result["check"]:
        return
    from podwright.pull import follow

    try:
        follow.send(context.layout, own.report_url, result, context.insecure)
    except PodwrightError as err:
        note(f"warning: the result could not be reported: {err.sentence()}")


def _tell(result: dict[str, Any]) -> None:
    """The result for people: one line per object that is not as it was, and one for the whole."""
    would = "would " if result["check"] else ""
    for kind in ("keys", "policy", "networks", "images", "pods"):
        for part in result[kind]:
            if part["changed"] or part.get("error"):
                actions = ", ".join(part.get("actions") or [part.get("action", "none")])
                state = "failed" if part.get("error") else f"{would}{actions}"
                say(f"{kind.rstrip('s')} {safe(part['label'], 100)}: {state}")
    for warning in result["warnings"]:
        note(f"warning: {warning}")
    serial = f"serial {result['serial']}" if result["serial"] is not None else "no serial yet"
    until = f" until {result['until']}" if result["until"] else ""
    say(f"fleet {result['fleet']}, {serial}: {result['state']}{until}")


def _status(context: Context, args: Arguments) -> int:
    """How the pulls of this host went; 254 when the last one of a fleet failed."""
    from podwright.cli import context as out
    from podwright.pull import keep

    keep.refuse_unreadable(context.layout)
    found = keep.results(context.layout)
    bad = 254 if any(one.get("error") for one in found) else 0
    if out.answer(args, found):
        return bad
    from podwright.cli.table import fitting

    titles = ("FLEET", "SERIAL", "STATE", "LAST", "LAST GOOD", "EXPIRES", "REASON")
    rows = []
    for one in found:
        error = one.get("error") or {}
        names = ("fleet", "serial", "state", "at", "last_success", "expires")
        cells = ["-" if one.get(name) is None else str(one[name]) for name in names]
        rows.append((*cells, str(error.get("message") or "-")))
    if rows:
        say(fitting(titles, rows, True, ("EXPIRES", "LAST")))
    else:
        note("this host has pulled nothing")
    for one in found:
        error = one.get("error") or {}
        if error.get("hint"):
            note(safe(f"fleet {one['fleet']}: {error['hint']}", 1000))
    return bad
