# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what the apps of one instance of a pod have written, wherever it is kept."""

from __future__ import annotations

from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Optional, Protocol

    class Reader(Protocol):
        """Something that a log is read from, piece by piece."""

        def poll(self, seconds: float) -> list[Line]:
            """What is there, or comes within that time; nothing when nothing does."""

        def finish(self) -> list[Line]:
            """All the rest, when nothing more is written. Nothing is polled for after that."""

        def close(self) -> None:
            """Read no more."""


MOST = 1 << 20
"""Bytes of a line that is put together from its parts."""


@value
class Line:
    """A line of an app, or a part of one. `time` in nanoseconds since the epoch."""

    time: int
    app: str
    stream: str
    text: bytes
    whole: bool = True


@value
class Query:
    """What is wanted.

    app, stream   only of these; "" = of all
    since         seconds since the epoch
    lines         the last ones; None = all
    follow        what comes later, too
    """

    app: str = ""
    stream: str = ""
    since: float = 0.0
    lines: Optional[int] = None
    follow: bool = False

    def fits(self, line: Line) -> bool:
        """Whether a line is wanted, whatever its place."""
        return (
            self.app in ("", line.app)
            and self.stream in ("", line.stream)
            and line.time >= self.since * 1e9
        )


class Joiner:
    """Puts lines together that came in parts."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, str], Line] = {}

    def join(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The whole lines among them, with the time of their beginning."""
        for line in lines:
            key = (line.app, line.stream)
            before = self.parts.pop(key, None)
            if before is not None:
                line = replace(line, time=before.time, text=before.text + line.text)
            if line.whole or len(line.text) >= MOST:
                yield line
            else:
                self.parts[key] = line


def readers(record: dict[str, Any], query: Query) -> list[Callable[[], Reader]]:
    """What makes the readers of a log: of the journal, of files, or of both."""
    from podwright.host import journal, logfiles

    paths: dict[str, str] = dict(record.get("paths", {}))
    out: list[Callable[[], Reader]] = []
    if record.get("kind") == "journal":
        out.append(lambda: journal.Journal(record, query))
    elif record.get("kind") == "files":
        paths = {**logfiles.of_directory(record["directory"]), **paths}
    chosen = {app: path for app, path in paths.items() if query.app in ("", app)}
    if chosen or not out:
        out.append(lambda: logfiles.Files(record, chosen, query))
    return out
