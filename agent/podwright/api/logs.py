# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a pod's logs for GetLogs: what `podwright logs` prints, in a process that ends with its client."""

from __future__ import annotations

import os
import select
import subprocess

from podwright import jsonio
from podwright.cli.context import agent_command
from podwright.errors import HostError, PodwrightError
from podwright.metrics.pods import seconds
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from podwright.cli.context import Context

WAIT = 1.0
PIECE = 1 << 18
MOST_LINE = 1 << 20
MOST_LINES = 256
"""Lines of one message."""


def command(context: Context, uuid: str, request: Any) -> list[str]:
    """The call that reads them."""
    words = [*agent_command(), *context.global_argv, "logs", "--format=json"]
    if request.app_name:
        words.append(f"--app={request.app_name}")
    if request.since_time:
        import time

        words.append(
            f"--since={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(request.since_time))}"
        )
    if request.lines and not request.until_time:
        words.append(f"--lines={request.lines}")
    if request.follow:
        words.append("--follow")
    return [*words, uuid]


class Logs:
    """One reader."""

    def __init__(self, context: Context, uuid: str, request: Any) -> None:
        self._uuid = uuid
        self._until = request.until_time
        self._last = request.lines if request.until_time else 0
        self._process = subprocess.Popen(
            command(context, uuid, request),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def read(self, is_active: Callable[[], bool]) -> Iterator[list[str]]:
        """Lines as they come; the last ones before a time, when these are wanted. Raises HostError."""
        if not self._last:
            yield from self._all(is_active)
            return
        kept: list[str] = []
        for lines in self._all(is_active):
            kept = [*kept, *lines][-self._last :]
        for start in range(0, len(kept), MOST_LINES):
            yield kept[start : start + MOST_LINES]

    def _all(self, is_active: Callable[[], bool]) -> Iterator[list[str]]:
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        rest = b""
        while is_active():
            if not select.select([fd], [], [], WAIT)[0]:
                if self._is_over():
                    return
                continue
            piece = os.read(fd, PIECE)
            if not piece:
                self._check()
                return
            *whole, rest = (rest + piece).split(b"\n")
            rest = rest[-MOST_LINE:]
            found = [shown(line) for line in whole]
            lines = [text for when, text in found if not self._is_late(when)]
            for start in range(0, len(lines), MOST_LINES):
                yield lines[start : start + MOST_LINES]
            if len(lines) < len(found):
                return

    def _is_over(self) -> bool:
        import time

        return bool(self._until and time.time() > self._until)

    def _is_late(self, when: Optional[float]) -> bool:
        return bool(self._until and when is not None and when > self._until)

    def _check(self) -> None:
        assert self._process.stderr is not None
        said = self._process.stderr.read(4096)
        if self._process.wait():
            text = safe(said.strip().removeprefix(b"podwright: "), 400)
            raise HostError(f"logs of pod {self._uuid}: {text}", object=self._uuid)

    def close(self) -> None:
        """Read no more."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def shown(line: bytes) -> tuple[Optional[float], str]:
    """When a line was written, and how it is shown: time, app, text."""
    try:
        found = jsonio.loads(line, "log")
        when, app, text = found["time"], found["app"], found["message"]
        return seconds(when), f"{when} {app}: {text}"
    except (PodwrightError, KeyError, TypeError):
        return None, line.decode("utf-8", "replace")
