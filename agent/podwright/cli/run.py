# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright run`: fetch, prepare and run a pod in the foreground."""

from __future__ import annotations

from podwright.cli import apps
from podwright.cli.context import agent_command, note, tell_report
from podwright.errors import UsageError
from podwright.stage0 import prepare, start
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.context import Context
    from podwright.model.podspec import PodSpec
    from podwright.stage0.pods import LockedPod
    from podwright.stage1.contract import OnReady, Outcome


def run(context: Context, args: apps.MultiArguments) -> int:
    """Returns the workload's status."""
    context.need_root("run")
    spec = apps.pod_spec(args, context.insecure, context.layout)
    prepare.refuse_early(context.layout, spec)
    if spec.metadata:
        from podwright.metadata import client

        client.check(context.layout.metadata_socket)
    progress = progress_printer()
    spec = prepare.settle_stage1(context.layout, spec, progress, context.accept_key)
    stored = prepare.resolve_images(context.layout, spec, progress, context.accept_key)
    save = args.text("uuid-file-save")
    prepared = prepare.prepare(
        context.layout,
        spec,
        stored,
        durable=False,
        on_uuid=(lambda uuid: save_uuid(save, uuid)) if save else None,
    )
    try:
        say_prepared(prepared)
        tell_strangers(context, spec)
        outcome = start.run(
            context.layout,
            prepared.pod,
            on_ready=ready_teller(prepared.pod),
            stored=stored,
            on_report=tell_report,
            again=again(context),
            debug=context.debug,
        )
    except BaseException:
        prepare.discard(prepared.pod)  # what was not started is of no use to anybody
        raise
    tell(outcome)
    return outcome.status


def ready_teller(pod: LockedPod) -> Optional[OnReady]:
    """What tells a service manager that has started us that the pod is ready (C6)."""
    import os

    if "NOTIFY_SOCKET" not in os.environ:
        return None

    def tell() -> None:
        from podwright.host import manager

        manager.ready(pod.uuid, pod.path)

    return tell


def again(context: Context) -> tuple[str, ...]:
    """The command line that goes on in this process (see `cli/resume.py`)."""
    return (*agent_command(), *context.global_argv, "resume")


def say_prepared(prepared: prepare.Prepared) -> None:
    """What people should know about what they asked for, before it runs."""
    for warning in prepared.warnings:
        note(f"warning: {warning}")
    for text in prepared.reports:
        tell_report(text)


def tell_strangers(context: Context, spec: PodSpec) -> None:
    """Which of the pods that the pod's rules name are not here."""
    if spec.allow:
        from podwright.net import rulecheck

        for text in rulecheck.strangers(context.layout, spec.allow, (spec.name,)):
            note(f"warning: {text}")


def tell(outcome: Outcome) -> None:
    """What people should know about how the pod ended."""
    for text in outcome.notes:
        note(text)


def save_uuid(path: str, uuid: str) -> None:
    """Write a UUID file (before the start, so that a failed run can still be removed)."""
    from podwright.kernel import fs

    try:
        fs.write_atomic(path, f"{uuid}\n".encode(), 0o644, durable=False)
    except OSError as err:
        where = safe(path, 200)
        raise UsageError(
            f"--uuid-file-save: {where} cannot be written: {err.strerror}", object=where
        ) from None


def progress_printer() -> prepare.Progress:
    """Progress of downloads on standard error: a line that renews itself on a terminal, else every 10 %."""
    from _thread import allocate_lock

    lock = allocate_lock()
    made: list[prepare.Progress] = []

    def progress(what: str, done: int, total: Optional[int]) -> None:
        with lock:  # layers come several at once; loaded when the first bytes of any have come
            if not made:
                from podwright.cli.progress import Printer

                made.append(Printer())
        made[0](what, done, total)

    return progress
