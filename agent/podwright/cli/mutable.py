# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright app ...`: pods whose apps come and go while they run (B12)."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli import which
from podwright.cli.context import Context, answer, note, say, tell_report
from podwright.errors import NotFoundError, UsageError
from podwright.stage0 import pods, report
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.cli.apps import MultiArguments
    from podwright.cli.options import Arguments
    from podwright.stage0.pods import Pod


def sandbox(context: Context, args: Arguments) -> int:
    """Run a pod without apps until it is stopped."""
    context.need_root("app sandbox")
    if args.rest:
        raise UsageError(
            f"app sandbox takes no image, such as {safe(args.rest[0], 60)}",
            "add it when the pod runs: podwright app add UUID IMAGE",
        )
    from podwright.cli import run, sandboxes
    from podwright.stage0 import prepare, start

    spec = sandboxes.spec(args, context)
    prepare.refuse_early(context.layout, spec)
    spec = prepare.settle_stage1(context.layout, spec, run.progress_printer(), context.accept_key)
    save = args.text("uuid-file-save")
    prepared = prepare.prepare(
        context.layout,
        spec,
        [],
        durable=False,
        on_uuid=(lambda uuid: run.save_uuid(save, uuid)) if save else None,
    )
    try:
        run.say_prepared(prepared)
        run.tell_strangers(context, spec)
        outcome = start.run(
            context.layout,
            prepared.pod,
            on_ready=lambda: _said(prepared.pod.uuid),
            on_report=tell_report,
            again=run.again(context),
        )
    except BaseException:
        prepare.discard(prepared.pod)
        raise
    run.tell(outcome)
    return outcome.status


def _said(uuid: str) -> None:
    import sys

    say(uuid)
    sys.stdout.flush()  # whoever started us waits for it


def add(context: Context, args: MultiArguments) -> int:
    """Put an app into a pod that runs."""
    context.need_root("app add")
    from podwright.cli import run, sandboxes
    from podwright.stage0 import change

    text, image, own, extra = sandboxes.added(args)
    pod = pods.find(context.layout, text)
    spec = sandboxes.app_spec(args, image, own, extra, context)
    added = change.add(
        context.layout, pod, spec, run.progress_printer(), context.accept_key, _warn, tell_report
    )
    if not answer(args, {"pod": pod.uuid, "app": added}):
        say(added)
    return 0


def _warn(text: str) -> None:
    note(f"warning: {text}")


def start(context: Context, args: Arguments) -> int:
    """Start an app."""
    return _act(context, args, "start")


def stop(context: Context, args: Arguments) -> int:
    """Stop an app."""
    return _act(context, args, "stop")


def rm_(context: Context, args: Arguments) -> int:
    """Remove an app."""
    return _act(context, args, "rm")


def _act(context: Context, args: Arguments, verb: str) -> int:
    context.need_root(f"app {verb}")
    pod = pods.find(context.layout, which.one(args, f"app {verb}"))
    from podwright.stage0 import change

    app = _app(pod, args, verb)
    acts = {"start": change.begin, "stop": change.end, "rm": change.remove}
    acts[verb](context.layout, pod, app)
    answer(args, {"pod": pod.uuid, "app": app})
    return 0


def _app(pod: Pod, args: Arguments, verb: str) -> str:
    app = args.text("app")
    if not app:
        raise UsageError(f"app {verb} needs an app", f"podwright app {verb} --app=NAME {pod.shown}")
    return app


def _seen(context: Context, args: Arguments, verb: str) -> tuple[Pod, dict[str, Any]]:
    pod = pods.find(context.layout, which.one(args, f"app {verb}"))
    seen = report.report(pod)
    if "error" in seen:
        raise NotFoundError(f"pod {pod.shown}: {seen['error']}", object=pod.uuid)
    return pod, seen


def _shown(found: Any, args: Arguments) -> Optional[str]:
    how = args.text("format")
    return (jsonio.pretty if how == "json-pretty" else jsonio.dumps)(found) if how else None


def list_(context: Context, args: Arguments) -> int:
    """List the apps of a pod."""
    _, seen = _seen(context, args, "list")
    text = _shown(seen["apps"], args)
    if text is not None:
        say(text)
        return 0
    from podwright.cli.table import render

    rows: list[tuple[str, ...]] = [(app["name"], app["state"]) for app in seen["apps"]]
    legend = not args.true("no-legend")
    if rows or legend:
        say(render(("NAME", "STATE"), rows, legend))
    return 0


def status(context: Context, args: Arguments) -> int:
    """Show how an app fares."""
    pod, seen = _seen(context, args, "status")
    alone = [app["name"] for app in seen["apps"]] if not args.text("app") else []
    name = alone[0] if len(alone) == 1 else _app(pod, args, "status")
    found = [app for app in seen["apps"] if app["name"] == name]
    if not found:
        raise NotFoundError(
            f"pod {pod.shown} has no app called {safe(name, 60)!r}",
            f"podwright app list {pod.shown} shows those it has",
            object=safe(name, 60),
        )
    text = _shown(found[0], args)
    say("\n".join(safe(line, 1000) for line in _lines(found[0])) if text is None else text)
    return 0


def _lines(app: dict[str, Any]) -> list[str]:
    """The lines that rkt prints, and after them what it does not know."""
    lines = [f"name={app['name']}", f"state={app['state']}"]
    for key, name in (("created", "created_at"), ("started", "started_at")):
        if app[name]:
            lines.append(f"{key}={app[name]}")
    if app["finished_at"] and app["state"] == "exited":
        lines.append(f"finished={app['finished_at']}")
    if app["exit_code"] is not None:
        lines.append(f"exit_code={app['exit_code']}")
    if app["exit_reason"]:
        lines.append(f"reason={app['exit_reason']}")
    if app["restarts"]:
        lines.append(f"restarts={app['restarts']}")
    return lines
