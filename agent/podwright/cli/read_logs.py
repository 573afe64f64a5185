# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright read-logs -`: the ends of the logs of several pods, for programs: of bounded size, and printable.

    {"version": 1, "pods": [{"name": "web", "app": "", "stream": "", "since": "10m", "lines": 100,
                             "max_size": 262144, "previous": false}]}

    {"logs": [{"name", "uuid", "lines": [{"time", "app", "stream", "message"}], "truncated", "error"}], "error"}

Without `name`, an element is for all named pods that have a log. A log that cannot be read has an `error` of its own;
the first of these is the answer's.
"""

from __future__ import annotations

import os
import sys
from collections import deque

from podwright import jsonio
from podwright.cli.context import Context, note, say
from podwright.cli.logs import apps_of, check_app, meant, record_of, show_instance, since_of, stamp
from podwright.errors import PodwrightError, UsageError
from podwright.host.logread import Line, Query
from podwright.model.fields import Fields
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

MAX_ORDER = 1024 * 1024
MOST_LINES = 100_000
MOST_BYTES = 16 * 1024 * 1024
LINES, BYTES = 100, 256 * 1024
"""What is told of a pod when nothing else is asked for."""


@value
class Wanted:
    """What is to be told of a pod, "" for all named ones."""

    name: str
    query: Query
    previous: bool
    max_size: int


def run(context: Context, args: Arguments) -> int:
    """0 when all could be read, else 254."""
    if args.rest != ["-"]:
        raise UsageError("read-logs reads standard input", "podwright read-logs -")
    context.need_root("read-logs")
    data = sys.stdin.buffer.read(MAX_ORDER + 1)
    wanted = _order(jsonio.loads(data, "standard input", limit=MAX_ORDER))
    found = [told for one in wanted for told in _each(context, one)]
    errors = [one["error"] for one in found if one["error"]]
    answer: dict[str, Any] = {"logs": found}
    if errors:
        answer["error"] = errors[0]
        note(
            safe(
                "; ".join(part for part in (errors[0]["message"], errors[0]["hint"]) if part), 1000
            )
        )
    say(jsonio.dumps(answer))
    return 254 if errors else 0


def _order(raw: Any) -> list[Wanted]:
    """Check what is asked for. Raises UsageError naming the field."""
    fields = Fields(raw, "")
    fields.integer("version", ..., 1, 1)
    out = [_one(item) for item in fields.objects("pods")]
    fields.finish()
    return out


def _one(fields: Fields) -> Wanted:
    query = Query(
        fields.text("app"),
        fields.choice("stream", ("", "stdout", "stderr"), ""),
        _since(fields),
        fields.integer("lines", LINES, 0, MOST_LINES),
    )
    previous = fields.boolean("previous")
    out = Wanted(
        fields.text("name"), query, previous, fields.integer("max_size", BYTES, 1, MOST_BYTES)
    )
    fields.finish()
    return out


def _since(fields: Fields) -> float:
    text, where = fields.text("since"), fields.at("since")
    try:
        return since_of(text, where) if text else 0.0
    except UsageError as err:
        raise UsageError(err.message, err.hint, object=where) from None


def _each(context: Context, one: Wanted) -> list[dict[str, Any]]:
    """The log of the pod that is asked for, or those of all named pods that have one."""
    if one.name:
        return [_told(context, one, one.name)]
    try:
        names = sorted(os.listdir(context.layout.named))
    except FileNotFoundError:
        return []
    every = (_told(context, one, name) for name in names)
    return [told for told in every if not told["error"] or told["error"]["reason"] != "not-found"]


def _told(context: Context, one: Wanted, name: str) -> dict[str, Any]:
    """The log of one pod; what is wrong is told, too."""
    kept = _Kept(one)
    out: dict[str, Any] = {"name": name, "uuid": "", "lines": [], "truncated": False, "error": None}
    try:
        found = meant(context, name, one.previous)
        out["name"], out["uuid"] = found.name, found.uuid
        record = record_of(context, found, name)
        check_app(apps_of(found), one.query.app, name)
        show_instance(context, found, record, one.query, kept.take)
    except (PodwrightError, OSError) as err:
        from podwright.reconcile.answer import error_json, of_host

        about = f"the log of pod {safe(name, 60)}"
        out["error"] = error_json(of_host(err, about) if isinstance(err, OSError) else err)
    return {**out, "lines": list(kept.lines), "truncated": kept.truncated}


class _Kept:
    """The last lines, as many as there is room for.

    truncated  a line was left out, or shortened, for its size
    """

    def __init__(self, wanted: Wanted) -> None:
        self.lines: deque[dict[str, str]] = deque()
        self.truncated = False
        self._most_lines = wanted.query.lines or 0
        self._most = wanted.max_size
        self._size = 0

    def take(self, line: Line) -> None:
        """One more line."""
        text, cut = _shortened(line.text, self._most)
        self.truncated = self.truncated or cut
        self.lines.append(
            {"time": stamp(line.time), "app": line.app, "stream": line.stream, "message": text}
        )
        self._size += len(text.encode())
        while self.lines and (self._size > self._most or len(self.lines) > self._most_lines):
            self.truncated = self.truncated or self._size > self._most
            self._size -= len(self.lines.popleft()["message"].encode())


def _shortened(data: bytes, most: int) -> tuple[str, bool]:
    """A message in printable characters and tabs, of at most so many bytes, and whether that is not all of it."""
    text = "\t".join(
        safe(part, 10 * len(part) + 1)
        for part in data.decode("utf-8", "backslashreplace").split("\t")
    )
    shown = text.encode()[:most].decode("utf-8", "ignore")
    return shown, len(shown) < len(text)
