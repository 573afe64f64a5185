# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs that bring a named pod to another state: each is an `apply` of what the host knows already."""

from __future__ import annotations

from podwright.cli import durations, which
from podwright.cli.context import Context, agent_command, answer, note, say
from podwright.errors import NotFoundError, PodwrightError, UsageError
from podwright.host import systemd
from podwright.host.lock import HostLock
from podwright.model.names import is_pod_name
from podwright.reconcile import apply, revisions
from podwright.reconcile.answer import Mode
from podwright.stage0 import pods, storewriter
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments


def name_of(context: Context, text: str) -> str:
    """The name that a name, a UUID or the beginning of one means; "" for a pod without a name.

    Raises NotFoundError for what is no pod.
    """
    if is_pod_name(text) and revisions.current(context.layout, text) is not None:
        return text
    pod = pods.find(context.layout, text)
    name = str(pod.read_object("runtime-config").get("name", ""))
    if name and pods.instance(context.layout, name) != pod.uuid:
        raise UsageError(
            f"pod {pod.uuid} is an earlier one of pod {name}",
            f"say the name: {name}",
            object=pod.uuid,
        )
    return name


def known(context: Context, args: Arguments, verb: str) -> str:
    """The name of the only pod that is named; its instance may be gone."""
    text = which.one(args, verb)
    name = name_of(context, text)
    if not name:
        raise NotFoundError(
            f"pod {safe(text, 60)} has no name, so it has no revisions",
            "podwright apply makes named pods",
            object=safe(text, 60),
        )
    return name


def each(context: Context, args: Arguments, verb: str, state: str) -> int:
    """Bring every named pod that is named to a state, and print its UUID; 254 if any of it failed."""
    context.need_root(verb)
    done: list[dict[str, str]] = []
    for text in which.names(args, verb):
        uuid, problem = "", ""
        try:
            name = name_of(context, text)
            if not name:
                raise _unnamed(text, verb)
            part = change(context, args, {"name": name, "state": state})
            uuid = part.get("uuid") or ""
            if part["error"]:
                error = part["error"]
                problem = "; ".join(said for said in (error["message"], error["hint"]) if said)
            elif not args.text("format"):
                say(f'"{uuid}"')
        except PodwrightError as err:
            problem = err.sentence()
        if problem:
            note(safe(problem, 1000))
        done.append({"pod": text, "uuid": uuid, "error": problem})
    answer(args, done)
    return 254 if any(one["error"] for one in done) else 0


def _unnamed(text: str, verb: str) -> UsageError:
    return UsageError(
        f"pod {safe(text, 60)} has no name: nothing supervises it",
        f"podwright {verb} is for named pods; whoever ran it can stop it and run it again"
        " (run-prepared)",
        object=safe(text, 60),
    )


def change(context: Context, args: Arguments, body: dict[str, Any]) -> dict[str, Any]:
    """Apply what is wanted of one known pod; its part of the answer."""
    from podwright.model.spec import parse_desired

    if systemd.running():  # stays as it is: by default, what is started starts with the host, too
        body["enabled"] = systemd.enabled(body["name"])
    desired = parse_desired({"pods": [body]})
    mode = Mode(
        check=args.true("check"),
        diff=False,
        command=[*agent_command(), *context.global_argv],
        wait=not args.true("no-wait"),
    )
    storewriter.ensure(context.layout)
    timeout = durations.seconds(args.text("lock-timeout", "60"), "--lock-timeout")
    with HostLock(f"{context.layout.locks}/apply", "apply", timeout):
        done = apply.apply(context.layout, desired, mode)
    for warning in done["warnings"]:
        note(f"warning: {warning}")
    part: dict[str, Any] = done["pods"][0]
    return part
