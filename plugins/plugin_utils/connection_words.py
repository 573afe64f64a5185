# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is said to `podwright enter` for a connection, and what its last line tells. Pure."""

from __future__ import annotations

import json
import shlex
from typing import Any, NamedTuple

BEGIN = b"podwright-begin "
LINE = b"\npodwright-outcome "
EXITED, POD_ENDED = "exited", "pod-ended"
SHELL_WORDS = 3
NOT_FOUND = 127
"""The shell's status for a command that there is not."""
LONGEST = 500


class Outcome(NamedTuple):
    """How an entered command ended.

    end      exited, refused (by the agent, before or instead of the command), pod-ended
    status   the command's; message, hint: why, unless it has exited
    """

    end: str
    status: int
    message: str
    hint: str

    def sentence(self) -> str:
        """What a person is told."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class Agent(NamedTuple):
    """How the agent of a host is called: its program and the directories that are not the default."""

    path: str
    data_dir: str | None = None
    local_config: str | None = None

    def words(self) -> list[str]:
        """The first words of a command line."""
        out = [self.path]
        for flag, value in (("--dir", self.data_dir), ("--local-config", self.local_config)):
            if value:
                out.append(f"{flag}={value}")
        return out


def enter(
    agent: Agent, mark: str, pod: str, argv: list[str], *, app: str | None, user: str | None
) -> list[str]:
    """The command line that runs `argv` in a pod and tells its outcome after `mark`."""
    words = [*agent.words(), "enter", f"--outcome={mark}", "--no-tty"]
    words += [f"--app={app}"] if app else []
    words += [f"--user={user}"] if user else []
    return [*words, "--", pod, *argv]


def argv(command: str, executable: str | None) -> list[str]:
    """The words that run a command of Ansible's, which mostly is `/bin/sh -c '...'` already.

    executable  the shell to run it with instead
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if len(words) == SHELL_WORDS and words[0].startswith("/") and words[1] == "-c":
        return [executable or words[0], *words[1:]]
    return [executable or "/bin/sh", "-c", command]


def line(words: list[str], *, reads: bool) -> str:
    """The words for a shell; `reads`: they get its standard input, else nothing."""
    text = shlex.join(words)
    return text if reads else f"{text} </dev/null"


def piece(source: str, at: int, size: int) -> str:
    """A script that writes `size` bytes of a file, a word of the shell, from byte `at` on.

    It ends with 127 where a program for that is missing, and not with 0 where the file is.
    """
    if not at:
        return f"head -c {size} < {source}"
    # The status of what is piped is the last one's: the file is opened, and `tail` looked for, before.
    found = f"command -v tail >/dev/null || exit {NOT_FOUND}; exec 3< {source}; "
    return f"{found}tail -c +{at + 1} <&3 | head -c {size}"


def split(stderr: bytes, mark: str) -> tuple[bytes, Outcome | None]:
    """What the command wrote, and its outcome; None when the agent has not told it.

    What was written before the agent began is that of ssh or sudo, and nobody's output.
    """
    begin = LINE + mark.encode() + b" "
    before, found, rest = stderr.rpartition(begin)
    if not found:
        return stderr, None
    text, *more = rest.split(b"\n", 1)
    try:
        told = json.loads(text)
        outcome = Outcome(str(told["end"]), int(told["status"]), *map(_line, _texts(told)))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return stderr, None
    after = b"".join(more)
    own = BEGIN + mark.encode() + b"\n"
    return before.partition(own)[2] + after if own in before else before + after, outcome


def _texts(told: dict[str, Any]) -> tuple[Any, Any]:
    return told.get("message") or "", told.get("hint") or ""


def _line(text: Any) -> str:
    return printable(str(text))[:LONGEST]


def printable(text: str) -> str:
    """Without control characters, whoever has written it."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def last_line(stream: bytes) -> str:
    """The last line that somebody wrote, for a sentence of ours."""
    lines = [one for one in stream.decode("utf-8", "replace").splitlines() if one.strip()]
    return printable(lines[-1].strip())[:LONGEST] if lines else ""
