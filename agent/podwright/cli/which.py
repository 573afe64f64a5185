# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pod is meant: by UUID, prefix or name, or read from --uuid-file."""

from __future__ import annotations

from podwright.cli.context import Context, answer, note, say
from podwright.errors import PodwrightError, UsageError
from podwright.stage0 import pods
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.cli.options import Arguments


def names(args: Arguments, verb: str) -> list[str]:
    """The pods named on the command line, at least one."""
    found = list(args.rest)
    path = args.text("uuid-file")
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                found.append(file.read(200).strip())
        except (OSError, UnicodeDecodeError) as err:
            why = err.strerror if isinstance(err, OSError) else "it is not text"
            wrong = UsageError(
                f"--uuid-file: {safe(path, 200)} cannot be read: {why}",
                "--uuid-file-save of run, prepare and app sandbox writes such a file",
            )
            wrong.status = 1 if verb in ("status", "stop") else 254
            raise wrong from None
    if not found:
        raise UsageError(
            f"{verb} needs a pod", f"podwright {verb} UUID-OR-NAME; 'podwright list' shows the pods"
        )
    return found


def each(context: Context, args: Arguments, verb: str, act: Callable[[pods.Pod], object]) -> int:
    """Do something with every pod named and print its UUID; 254 if any of it failed."""
    context.need_root(verb)
    done: list[dict[str, str]] = []
    for text in names(args, verb):
        uuid, problem = "", ""
        try:
            pod = pods.find(context.layout, text)
            uuid = pod.uuid
            act(pod)
            if not args.text("format"):
                say(f'"{uuid}"')
        except PodwrightError as err:
            problem = err.sentence()
            note(problem)
        done.append({"pod": text, "uuid": uuid, "error": problem})
    answer(args, done)
    return 254 if any(one["error"] for one in done) else 0


def one(args: Arguments, verb: str) -> str:
    """The only pod named."""
    found = names(args, verb)
    if len(found) != 1:
        raise UsageError(
            f"{verb} takes one pod, not {len(found)}", f"podwright {verb} UUID-OR-NAME"
        )
    return found[0]
