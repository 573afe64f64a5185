# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright logs`: what the apps of a pod have written, while it runs and after it has ended."""

from __future__ import annotations

import os
import sys
import time

from podwright.cli import which
from podwright.cli.context import Context, say
from podwright.cli.options import Arguments
from podwright.errors import NotFoundError, UsageError
from podwright.host import journal, lock, logs
from podwright.host.logread import Joiner, Line, Query, readers
from podwright.model.names import is_pod_name
from podwright.stage0 import appnames, pods
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.host.logread import Reader

PATIENCE = 0.3
"""Seconds without a line until we look whether the pod still runs."""
MOST_LINES = 10**9


def run(context: Context, args: Arguments) -> int:
    """Show the log."""
    context.need_root("logs")
    text = which.one(args, "logs")
    found = meant(context, text, args.true("previous"))
    if args.true("previous") and args.true("follow"):
        raise UsageError("--follow and --previous exclude each other", "that instance has ended")
    query = _query(args)
    record = record_of(context, found, text)
    apps = apps_of(found)
    check_app(apps, query.app, text)
    show = Show(args, found, several=len(apps) > 1 and not query.app)
    try:
        _pass_on(context, found, record, query, show)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)  # nobody reads us; nothing is to be flushed at the end either
        os.close(null)
    return 0


def check_app(apps: list[str], app: str, text: str) -> None:
    """Raises NotFoundError for an app that the pod called `text` does not have."""
    if app and apps and app not in apps:
        raise appnames.unknown(text, app, apps)


@value
class Found:
    """An instance: its UUID, its pod as far as there is one, and the name that it was asked for by."""

    uuid: str
    path: str
    name: str = ""


def meant(context: Context, text: str, previous: bool) -> Found:
    """The instance that is meant. Raises NotFoundError."""
    layout = context.layout
    if previous:
        names = logs.instances(layout, text) if is_pod_name(text) else []
        current = pods.instance(layout, text) if names else ""
        earlier = names[names.index(current) + 1 :] if current in names else names
        if not earlier:
            raise NotFoundError(
                f"pod {safe(text, 60)} has no earlier instance with a log",
                "only named pods have; podwright logs shows the last one",
                object=safe(text, 60),
            )
        return _found(context, earlier[0], text)
    try:
        pod = pods.find(layout, text)
    except NotFoundError:
        names = logs.instances(layout, text) if is_pod_name(text) else []
        if not names:
            raise
        return _found(context, names[0], text)
    named = is_pod_name(text) and pods.instance(layout, text) == pod.uuid
    return Found(pod.uuid, pod.path, text if named else "")


def _found(context: Context, uuid: str, name: str) -> Found:
    pod = pods.get(context.layout, uuid)
    return Found(uuid, pod.path if pod is not None else "", name)


def record_of(context: Context, found: Found, text: str) -> dict[str, Any]:
    """What finds its log. Raises NotFoundError for a pod without one."""
    record = logs.read(f"{found.path}/{logs.RECORD}") if found.path else None
    if record is None and found.name:
        record = logs.record(context.layout, found.name, found.uuid)
    if record is not None:
        _still_there(record, found, text)
        return record
    if found.path and not os.path.lexists(f"{found.path}/started-at"):
        raise NotFoundError(
            f"pod {safe(text, 60)} has no log: it was not started yet",
            _not_started(context, found),
            object=found.uuid,
        )
    raise NotFoundError(
        f"pod {safe(text, 60)} has no log: what its apps write goes where it was started from",
        "give it a name with podwright apply, or start it by systemd-run podwright run ...",
        object=found.uuid,
    )


def _still_there(record: dict[str, Any], found: Found, text: str) -> None:
    """Raises NotFoundError when the files of a log have been removed: its app was not silent."""
    directory = record.get("directory", "")
    if directory and not os.path.isdir(directory):
        raise NotFoundError(
            f"the log of pod {safe(text, 60)} is no longer there",
            f"those of the last {logs.KEPT} instances of a pod are kept: podwright logs --previous",
            object=found.uuid,
        )


def _not_started(context: Context, found: Found) -> str:
    """What to do about a pod that was not started."""
    pod = pods.get(context.layout, found.uuid)
    state = pod.state if pod is not None else ""
    return {
        "prepared": f"start it: podwright run-prepared {found.uuid}",
        "aborted prepare": f"its preparation failed; remove it: podwright rm {found.uuid}",
    }.get(state, "podwright list shows the pods")


def apps_of(found: Found) -> list[str]:
    """The names of its apps, as far as they are known."""
    from podwright.errors import PodwrightError
    from podwright.stage0.start import read_manifest

    try:
        return [app.name for app in read_manifest(found.path).apps] if found.path else []
    except (OSError, PodwrightError):
        return []


def _query(args: Arguments) -> Query:
    lines = args.text("lines")
    if lines and not (lines.isascii() and lines.isdigit() and int(lines) <= MOST_LINES):
        raise UsageError(f"--lines: {safe(lines, 40)!r} is not a number of lines")
    return Query(
        args.text("app"),
        args.text("stream"),
        since_of(args.text("since")) if args.given("since") else 0.0,
        int(lines) if lines else None,
        args.true("follow"),
    )


def since_of(text: str, what: str = "--since") -> float:
    """Seconds since the epoch: RFC 3339, a date, @SECONDS, or a duration before now."""
    from datetime import datetime

    from podwright.cli import durations

    plain = text[1:] if text.startswith("@") else ""
    try:
        if plain:
            return float(plain)
        if text[:4].isdigit() and text[4:5] == "-":
            stamp = text[:-1] + "+00:00" if text.endswith("Z") else text
            return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{what}: {safe(text, 40)!r} is not a time", "write 10m, or 2026-01-31T12:00:00Z"
        ) from None
    return time.time() - durations.seconds(text.removesuffix(" ago").replace(" ", ""), what)


class Show:
    """Writes lines as they were asked for."""

    def __init__(self, args: Arguments, found: Found, several: bool) -> None:
        self.kind = args.text("format", "short")
        self.stamped = args.true("timestamps")
        self.several = several
        self.pod = found.name
        self.uuid = found.uuid
        self.escaped = os.isatty(1)

    def __call__(self, line: Line) -> None:
        """One line."""
        if self.kind == "json":
            self._json(line)
            return
        head = b""
        if self.stamped:
            head += stamp(line.time).encode() + b" "
        if self.kind == "short" and self.several:
            head += b"[" + line.app.encode() + b"] "
        text = line.text
        if self.escaped:
            text = "\t".join(
                safe(part, 10 * len(part)) for part in _text(text).split("\t")
            ).encode()
        sys.stdout.buffer.write(head + text + b"\n")

    def _json(self, line: Line) -> None:
        from podwright import jsonio

        say(
            jsonio.dumps(
                {
                    "time": stamp(line.time),
                    "pod": self.pod or None,
                    "uuid": self.uuid,
                    "app": line.app,
                    "stream": line.stream,
                    "message": _text(line.text),
                }
            )
        )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def stamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    whole, rest = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{rest // 1000:06d}Z"


def _pass_on(
    context: Context, found: Found, record: dict[str, Any], query: Query, show: Show
) -> None:
    """Show this instance, and with a name and --follow those that come after it."""
    while True:
        show_instance(context, found, record, query, show)
        following = _next(context, found) if query.follow and found.name else None
        if following is None:
            return
        found, record = following
        query = replace(query, lines=None, since=0.0)
        show.uuid = found.uuid


def show_instance(
    context: Context,
    found: Found,
    record: dict[str, Any],
    query: Query,
    show: Callable[[Line], object],
) -> None:
    """Give each line of the log of one instance to `show`, with --follow until it has ended."""
    if record.get("kind") == "journal" and not _runs(context, found.uuid):
        journal.sync()
    opened: list[Reader] = [make() for make in readers(record, query)]
    joiner = Joiner()

    def pass_on(lines: list[Line]) -> None:
        for line in joiner.join(lines):
            show(line)
        sys.stdout.flush()

    try:
        while True:
            lines = [line for reader in opened for line in reader.poll(PATIENCE)]
            pass_on(lines)
            if not lines and not (query.follow and _runs(context, found.uuid)):
                pass_on([line for reader in opened for line in reader.finish()])
                return
    finally:
        for reader in opened:
            reader.close()


def _runs(context: Context, uuid: str) -> bool:
    pod = pods.get(context.layout, uuid)
    return pod is not None and pod.state in ("running", "preparing", "prepared")


def _next(context: Context, found: Found) -> tuple[Found, dict[str, Any]] | None:
    """The next instance of a named pod; None when it is not started again."""
    from podwright.host import supervisor, systemd

    while True:
        busy = _is_changed(context)  # first: what was stopped may be started again by the same call
        uuid = pods.instance(context.layout, found.name)
        if uuid and uuid != found.uuid:
            fresh = _found(context, uuid, found.name)
            record = logs.record(context.layout, found.name, uuid)
            if record is not None:
                return fresh, record
        if not busy and not supervisor.active(context.layout, found.name, systemd.ActiveStates()):
            return None
        time.sleep(PATIENCE)


def _is_changed(context: Context) -> bool:
    """Whether somebody applies, restarts or starts named pods at the moment."""
    try:
        fd = os.open(f"{context.layout.locks}/apply", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not lock.try_lock(fd, shared=True)
    finally:
        os.close(fd)
