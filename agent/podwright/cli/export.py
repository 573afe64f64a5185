# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright export`: the root of an ended pod's app as an ACI."""

from __future__ import annotations

import os
import signal

from podwright import jsonio
from podwright.cli import which
from podwright.cli.context import Context, note, say
from podwright.errors import UsageError
from podwright.stage0 import podexport, pods
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments
    from podwright.stage0.podexport import Exported

FEW = 5
"""Things left out that are named one by one."""


def run(context: Context, args: Arguments) -> int:
    """Write the file; says the ID that it has as an image, and what is not in it."""
    context.need_root("export")
    wanted = 2 - args.given("uuid-file")
    if len(args.rest) < wanted:
        missing = "a file to write" if args.rest or wanted == 1 else "a pod and a file to write"
        raise UsageError(f"export needs {missing}", "podwright export UUID-OR-NAME FILE.aci")
    target = args.rest.pop()
    pod = pods.find(context.layout, which.one(args, "export"))
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        check = args.true("check")
        how = podexport.How(target, args.true("overwrite"), check or args.true("same"), check)
        done = podexport.export(context.layout, pod, args.text("app"), how)
    finally:
        signal.signal(signal.SIGTERM, before)
    if args.text("format"):
        show = jsonio.pretty if args.text("format") == "json-pretty" else jsonio.dumps
        say(show(_object(pod.uuid, target, done)))
        return 0
    _tell(done)
    if not done.changed or check:
        word = "would be written" if done.changed else "unchanged"
        note(f"{safe(target, 200)}: {word}")
    say(done.image_id)
    return 0


def _ended(number: int, _frame: object) -> None:
    """Somebody ends us: nothing is left beside the file."""
    raise SystemExit(128 + number)


def _object(uuid: str, target: str, done: Exported) -> dict[str, object]:
    return {
        "pod": uuid,
        "app": done.app,
        "path": os.path.abspath(target),
        "image_id": done.image_id,
        "size": done.size,
        "changed": done.changed,
        "volumes": list(done.volumes),
        "left_out": list(done.left_out),
    }


def _tell(done: Exported) -> None:
    if done.volumes:
        names = ", ".join(safe(path, 120) for path in done.volumes)
        note(f"app {done.app}: what is in its volumes is not exported: {names}")
    for text in done.left_out[:FEW]:
        note(f"app {done.app}: {text}")
    if len(done.left_out) > FEW:
        note(f"app {done.app}: and {len(done.left_out) - FEW} more are left out")
