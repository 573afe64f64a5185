# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents whose commands are run: what a page says is typed, what it says is seen, and the files that it shows.

In a fence of language `console`, a line that begins with `$ ` is a command; the lines below it, up to the next one, are
what is seen. A line `...` stands for any lines, `...` within a line for any text, a line `[exit status N]` at the end
says that the command ends so. A fence with `title="NAME"` is a file of that name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

FENCE = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
ENDED = re.compile(r"\[exit status (\d+)\]")


@dataclasses.dataclass(frozen=True)
class ShownFile:
    """A file that the reader is told to write."""

    name: str
    text: str


@dataclasses.dataclass(frozen=True)
class ShownCommand:
    """A command, the lines that the page shows below it, and the status that it ends with."""

    command: str
    seen: tuple[str, ...]
    status: int = 0


Step = ShownFile | ShownCommand


def steps(page: str) -> Iterator[Step]:
    """Yield what a reader of the page does, in order."""
    for fence in FENCE.finditer(page):
        if fence["title"]:
            yield ShownFile(fence["title"], fence["body"])
        elif fence["language"] == "console":
            yield from _commands(fence["body"])


def _commands(body: str) -> Iterator[ShownCommand]:
    for block in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *seen = block.rstrip("\n").split("\n")
        ended = ENDED.fullmatch(seen[-1]) if seen else None
        yield ShownCommand(
            command, tuple(seen[:-1] if ended else seen), int(ended[1]) if ended else 0
        )


def differs(seen: Sequence[str], printed: Sequence[str]) -> str | None:
    """Return the first line of a page that was not printed where it has to be; None when all were.

    With nothing shown, anything may have been printed.
    """
    if not seen:
        return None
    lines = [line.rstrip() for line in printed]
    at, gap, shown = 0, False, ""
    for shown in seen:
        if shown == "...":
            gap = True
            continue
        found = next(
            (
                n
                for n in range(at, len(lines) if gap else min(at + 1, len(lines)))
                if like(shown, lines[n])
            ),
            None,
        )
        if found is None:
            return shown
        at, gap = found + 1, False
    return None if gap or at == len(lines) else f"nothing more after {shown!r}"


def like(shown: str, line: str) -> bool:
    """Whether a line is as shown: `...` is any text, a run of spaces any other such run."""
    parts = (
        r"\s+".join(map(re.escape, re.split(r"\s+", part))) for part in shown.strip().split("...")
    )
    return re.fullmatch(r"\s*" + ".*".join(parts) + r"\s*", line) is not None
