# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright enter`: run a command in an app of a running pod, confined as the app is (B10)."""

from __future__ import annotations

import os

from podwright.cli import which
from podwright.cli.context import Context, note
from podwright.cli.options import Arguments
from podwright.errors import LaunchError, PodwrightError, UsageError
from podwright.stage0 import appnames, pods, start
from podwright.text import safe

BEGIN, OUTCOME = "podwright-begin", "podwright-outcome"
"""What the lines begin with that --outcome writes, before and after what the command does."""
EXITED, REFUSED, POD_ENDED = "exited", "refused", "pod-ended"
KILLED, EXEC_FAILED = 137, 203
WHY = {EXEC_FAILED: ("cannot-execute", "say which program, as the app's image has it")}
NOBODY = (
    "cannot-enter",
    "podwright status says which apps the pod has; users are those of its image",
)
"""Reason and hint of what could not be run, by its status."""
"""The status of what ended with its pod."""
MOMENT = 1.0
"""Seconds in which a pod ends whose processes are being killed."""


def run(context: Context, args: Arguments) -> int:
    """Run the command; returns its status, or 0 once --outcome has told it."""
    mark = args.text("outcome")
    if not mark:
        status, sentence = _enter(context, args)
        if sentence:
            note(sentence)
        return status
    if not (mark.isascii() and mark.isalnum()):
        raise UsageError("--outcome is a word of letters and digits")
    os.write(2, f"{BEGIN} {mark}\n".encode())
    try:
        status, sentence = _enter(context, args)
        end = (POD_ENDED if status == KILLED else REFUSED) if sentence else EXITED
        reason, hint = ("", "") if end != REFUSED else WHY.get(status, NOBODY)
        told = {"end": end, "status": status, "message": sentence, "hint": hint, "reason": reason}
    except PodwrightError as err:
        said = {"message": err.message, "hint": err.hint or NOBODY[1], "reason": err.reason}
        told = {"end": REFUSED, "status": err.status, **said}
    _tell(mark, told)
    return 0


def _tell(mark: str, told: dict[str, object]) -> None:
    """Write the outcome as a line of its own, whatever the command has written before."""
    from podwright import jsonio

    line = f"\n{OUTCOME} {mark} {jsonio.dumps(told)}\n"
    os.write(2, line.encode("utf-8", "backslashreplace"))


def _enter(context: Context, args: Arguments) -> tuple[int, str]:
    """Run the command: its status, and a sentence when it could not be run to its end."""
    context.need_root("enter")
    found = which.names(args, "enter")
    text, argv = found[0], found[1:]
    if args.given("uuid-file"):  # `names` puts the pod that it reads last
        text, argv = found[-1], found[:-1]
    pod = pods.find(context.layout, text)
    check_running(pod)
    app = _app(pod, args.text("app"))
    if os.path.lexists(f"{pod.path}/stage1/programs"):
        return _by_stage1(pod, app, tuple(argv), args), ""
    from podwright.stage1.namespaces.enter import Request, enter

    privileged = args.true("privileged")
    user, group, directory = wishes(args)
    if privileged:
        note("note: --privileged: as root of the pod, with all its capabilities and no filter")
    shown = tuple(fd for fd in range(3) if not args.true("no-tty") and os.isatty(fd))
    term = (("TERM", os.environ["TERM"]),) if os.environ.get("TERM") else ()
    more = (*term, *environment(args))
    who = (user, group, directory)
    request = Request(pod.uuid, app, tuple(argv), more, privileged, shown, *who)
    status, sentence = enter(pod.path, request)
    if status == KILLED and not sentence and args.given("outcome") and _ends(context, pod.uuid):
        sentence = f"pod {pod.shown} has ended, and the command with it"
    return status, sentence


def _ends(context: Context, uuid: str) -> bool:
    """Whether a pod ends in which a command was just killed: its apps' processes go before it does."""
    import time

    deadline = time.monotonic() + MOMENT
    while time.monotonic() < deadline:
        pod = pods.get(context.layout, uuid)
        if pod is None or pod.state != "running":
            return True
        time.sleep(0.05)
    return False


def wishes(args: Arguments) -> tuple[str, str, str]:
    """User, group and directory that are wanted instead of the app's. Raises UsageError."""
    user, colon, group = args.text("user").partition(":")
    directory = args.text("workdir")
    if args.given("user"):
        if not user or (colon and not group) or ":" in group:
            text = safe(args.text("user"), 60)
            raise UsageError(f"--user={text} is not USER or USER:GROUP", "names or numbers")
        if args.true("privileged"):
            raise UsageError("--privileged is root of the pod already", "leave out --user")
    if args.given("workdir") and not directory.startswith("/"):
        raise UsageError(f"--workdir={safe(directory, 60)} is not an absolute path")
    if directory and args.true("privileged"):
        raise UsageError("--workdir cannot be said with --privileged", "use cd in a shell")
    return user, group, directory


def environment(args: Arguments) -> tuple[tuple[str, str], ...]:
    """The variables of --env. Raises UsageError."""
    pairs = []
    for word in args.texts("env"):
        name, equals, text = word.partition("=")
        if not name or not equals:  # its value may be a secret
            raise UsageError("--env needs a name and a value: --env=NAME=VALUE")
        pairs.append((name, text))
    return tuple(pairs)


def _by_stage1(pod: pods.Pod, app: str, argv: tuple[str, ...], args: Arguments) -> int:
    """As the stage1 image does it that runs the pod."""
    said = [name for name in ("privileged", "user", "workdir", "env") if args.given(name)]
    if said:
        raise UsageError(
            f"--{said[0]} cannot be said to a stage1 image",
            "leave it out",
            reason="not-in-contract",
        )
    from podwright.stage1.external import points

    return points.enter(pod.path, app, argv)


def check_running(pod: pods.Pod) -> None:
    """Refuse a pod that does not run, and say what to do. Raises LaunchError."""
    if pod.state == "running":
        return
    hint = {
        "prepared": f"start it: podwright run-prepared {pod.shown}",
        "preparing": "wait until it is prepared, and start it",
        "exited": "see how it ended: podwright status " + pod.shown,
    }.get(pod.state, "podwright list shows the pods that run")
    state = "has ended" if pod.state.startswith("exited") else f"is {pod.state}, not running"
    raise LaunchError(f"pod {pod.shown} {state}", hint, object=pod.uuid)


def _app(pod: pods.Pod, wanted: str) -> str:
    """The app that is meant; with several it must be named."""
    names = [app.name for app in start.read_manifest(pod.path).apps]
    if wanted and wanted not in names:
        raise appnames.unknown(pod.shown, wanted, names)
    if not wanted and len(names) != 1:
        raise appnames.unclear(pod.shown, names)
    return wanted or names[0]


exec_ = run
"""`app exec`."""
