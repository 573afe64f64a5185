# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright prepare`: fetch, verify, render; the pod is run later."""

from __future__ import annotations

from podwright.cli import apps
from podwright.cli.context import answer, say
from podwright.cli.run import progress_printer, save_uuid, say_prepared, tell_strangers
from podwright.stage0 import pods, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context


def run(context: Context, args: apps.MultiArguments) -> int:
    """Prints the UUID, or what `status` would say of the pod."""
    context.need_root("prepare")
    spec = apps.pod_spec(args, context.insecure, context.layout)
    prepare.refuse_early(context.layout, spec)
    quiet = args.true("quiet")
    progress = None if quiet else progress_printer()
    spec = prepare.settle_stage1(context.layout, spec, progress, context.accept_key)
    stored = prepare.resolve_images(context.layout, spec, progress, context.accept_key)
    save = args.text("uuid-file-save")
    prepared = prepare.prepare(
        context.layout,
        spec,
        stored,
        on_uuid=(lambda uuid: save_uuid(save, uuid)) if save else None,
    )
    if not quiet:
        say_prepared(prepared)
        tell_strangers(context, spec)
    prepared.pod.move(pods.PREPARED)
    prepared.pod.close()
    if args.text("format"):
        from podwright.stage0 import report

        answer(args, report.report(pods.find(context.layout, prepared.pod.uuid)))
    else:
        say(prepared.pod.uuid)
    return 0
