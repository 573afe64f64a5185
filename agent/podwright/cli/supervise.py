# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright supervise NAME`: what a pod's unit runs. Prepares the pod of the current revision
when it is not prepared yet, runs it, tells systemd when it is ready.

Without systemd (--detached) it also restarts the pod by its policy, by executing itself again.
"""

from __future__ import annotations

import os
import sys
import time

from podwright.cli.context import Context, agent_command, note, tell_report
from podwright.cli.options import Arguments
from podwright.errors import NotFoundError, NotReadyError, PodwrightError
from podwright.host import detached, machined, manager, supervisor
from podwright.kernel import signals
from podwright.model.names import pod_name
from podwright.reconcile import canonical, revisions
from podwright.stage0 import collect, pods, prepare, start
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.reconcile.revisions import Revision
    from podwright.stage1.contract import Outcome

LONG_ENOUGH = 60.0
"""A pod that ran for this many seconds is restarted as if for the first time."""


def run(context: Context, args: Arguments) -> int:
    """Run the named pod until it ends; 0 when it was asked to stop."""
    context.need_root("supervise")
    if len(args.rest) != 1:
        raise NotFoundError("supervise needs the name of a pod")
    name = pod_name(args.rest[0], "pod name")
    life = life_of(name, args, time.monotonic())
    revision = revision_of(context, life)
    if revision is None:
        raise NotFoundError(f"no pod is called {name}", "podwright apply makes one", object=name)
    if life.takeover:
        from podwright.host import succession

        succession.record(context.layout, name)
    elif life.detached:
        if _superseded(context, life):
            return 0
        supervisor.record_supervisor(context.layout, name)
    heed(context, life)
    return conclude(context, life, revision, lambda: _run(context, life, revision))


@value
class Life:
    """One life of a supervised pod.

    attempt   how often it was started again before
    began     monotonic seconds
    takeover  the revision that it runs, to take over from the current one; 0 for the current one
    """

    name: str
    detached: bool
    attempt: int
    began: float
    takeover: int = 0

    def again(self, context: Context) -> tuple[str, ...]:
        """The command line that goes on in this process (see `cli/resume.py`)."""
        words = ("resume", self.name, f"--attempt={self.attempt}", f"--began={self.began}")
        more: tuple[str, ...] = ("--detached",) if self.detached else ()
        more += (f"--takeover={self.takeover}",) if self.takeover else ()
        return (*agent_command(), *context.global_argv, *words, *more)


def life_of(name: str, args: Arguments, began: float) -> Life:
    """The life that the command line speaks of."""
    attempt, takeover = int(args.text("attempt", "0")), int(args.text("takeover", "0"))
    return Life(name, args.true("detached"), attempt, began, takeover)


def revision_of(context: Context, life: Life) -> Revision | None:
    """What it runs, or None when that is not known (any more)."""
    if life.takeover:
        from podwright.host import succession

        plan = succession.read(context.layout, life.name)
        if plan is not None and plan.revision == life.takeover:
            return revisions.read(context.layout, life.name, life.takeover)
    return revisions.current(context.layout, life.name)


def heed(context: Context, life: Life) -> None:
    """From here on start a successor when we are told to (`host/succession.py`)."""
    own = os.getpid()

    def told(_number: int, _frame: object) -> None:
        if os.getpid() == own:  # children have the handler, too, until they execute something
            succeed(context, life)

    signals.signal(signals.SIGURG, told)


def succeed(context: Context, life: Life) -> None:
    """Start the next supervisor of the pod, or let it be the main one; whatever goes wrong, the pod runs on."""
    from podwright.host import succession

    argv = [*agent_command(), *context.global_argv, "supervise", life.name]
    argv += ["--detached"] if life.detached else []
    try:
        current = revisions.current(context.layout, life.name)
        if current is not None:
            succession.heard(context.layout, life.name, current.number, argv)
    except (OSError, PodwrightError) as err:
        note(f"warning: nothing comes after this pod: {err}")


def conclude(context: Context, life: Life, revision: Revision, work: Callable[[], Outcome]) -> int:
    """Do what runs the pod, record how that went, and begin the next life where that is ours to do."""
    outcome = None
    try:
        outcome = work()
        for text in outcome.notes:
            note(text)
        if outcome.reason == "not-ready":
            raise NotReadyError(_unready(outcome), object=life.name)
        status = 0 if outcome.reason == "stopped" else outcome.status
        if outcome.reason != "stopped":
            problem = ": ".join((f"it ended with status {outcome.status}", *outcome.notes[-1:]))
            supervisor.record_problem(context.layout, life.name, problem)
    except PodwrightError as err:
        supervisor.record_problem(context.layout, life.name, err.sentence())
        if not life.detached:
            raise
        note(err.sentence())
        status = 254
    if life.detached and _again(revision, status, outcome) and not _superseded(context, life):
        _restart(context, life)
    return status


def _superseded(context: Context, life: Life) -> bool:
    """Whether it is not, or not any more, this supervisor that starts the pod again."""
    from podwright.host import identity, succession

    plan = succession.read(context.layout, life.name)
    if plan is None:
        return False
    over = pods.instance(context.layout, life.name) == plan.new
    if life.takeover == plan.revision:
        return not over
    return over and identity.alive(succession.successor(context.layout, life.name))


def _take_over(context: Context, life: Life, revision: Revision) -> Outcome:
    """Run the pod that was prepared, beside the one that it comes after."""
    from podwright.host import succession

    layout = context.layout
    plan = succession.read(layout, life.name)
    pod = pods.get(layout, revision.uuid)
    if plan is None or plan.new != revision.uuid or pod is None or pod.directory != pods.PREPARED:
        raise NotFoundError(f"pod {life.name} takes over nothing any more", object=life.name)
    locked = pods.lock(layout, pod)
    try:
        return start.run(
            layout,
            locked,
            on_report=tell_report,
            again=life.again(context),
            after=plan.old,
            log_files=life.detached,
        )
    finally:
        locked.close()


def _run(context: Context, life: Life, revision: Revision) -> Outcome:
    if life.takeover:
        return _take_over(context, life, revision)
    layout, name = context.layout, life.name
    previous = pods.instance(layout, name)
    pod = pods.get(layout, revision.uuid) if revision.uuid else None
    if pod is not None and pod.directory == pods.PREPARED:
        locked = pods.lock(layout, pod)
    else:
        spec = canonical.respec(name, revision.runtime, revision.settings)
        spec = prepare.settle_stage1(layout, spec)
        prepared = prepare.prepare(
            layout, spec, prepare.resolve_images(layout, spec), durable=False
        )
        locked = prepared.pod
        for text in prepared.reports:
            tell_report(text)
    revisions.set_instance(layout, name, locked.uuid)
    if previous != locked.uuid:
        _clean(context, name, previous)  # only now: the name means a pod at every moment
    try:
        return start.run(
            layout,
            locked,
            on_ready=lambda: manager.ready(locked.uuid, locked.path),
            on_report=tell_report,
            again=life.again(context),
            log_files=life.detached,
        )
    finally:
        locked.close()  # who is locked is running, and the next start may be a minute away


def _clean(context: Context, name: str, uuid: str) -> None:
    """Remove the instance before this one, so that restarts do not pile up."""
    pod = pods.get(context.layout, uuid) if uuid else None
    if pod is not None and pod.state in ("exited", "prepared", "aborted prepare"):
        machined.forget_dead(pod.uuid)
        if pod.uuid in revisions.failed_instances(context.layout, name):
            return  # gc removes it, when people have had the time to look at it
        try:
            collect.remove(context.layout, pod)
        except PodwrightError as err:
            note(f"warning: {err.sentence()}")


def _unready(outcome: Outcome) -> str:
    """What was not ready, and what was seen last: stage1 has said it in a note."""
    said = next((text for text in outcome.notes if "not ready after" in text), "not ready in time")
    return said if said.startswith("app ") else f"it was {said}"


def _again(revision: Revision, status: int, outcome: Outcome | None) -> bool:
    policy = revision.settings["restart"]
    stopped = outcome is not None and outcome.reason == "stopped"
    return not stopped and (policy == "always" or (policy == "on-failure" and status != 0))


def _restart(context: Context, life: Life) -> None:
    """Wait a little and become the next attempt."""
    attempt = 0 if time.monotonic() - life.began > LONG_ENOUGH else life.attempt
    detached.keep_small()
    note(f"pod {life.name} ended; next start in {detached.backoff(attempt):.0f} s")
    sys.stderr.flush()
    detached.pause(attempt)
    os.chdir("/")  # the next attempt removes the pod, in whose directory we are
    argv = [*agent_command(), *context.global_argv, "supervise", life.name, "--detached"]
    os.execv(argv[0], [*argv, f"--attempt={attempt + 1}"])
