# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A terminal for programs under test: what a person would see of them, and what has scrolled away.

with Terminal(["ansible-playbook", "site.yml"], env, columns=100, rows=30) as terminal:
    terminal.until(lambda lines: "web1" in lines[-1])
    terminal.wait()
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

from tests.support.patience import patient


class Terminal:
    """A program on a terminal of its own, whose bytes `raw` keeps."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], columns: int = 100, rows: int = 30
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._master, slave = os.openpty()
        self._size(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            list(command), env=dict(env), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self.slave = slave

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
        os.close(self.slave)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Another size; the program is told as by a terminal emulator."""
        self._size(columns, rows)
        self.screen.resize(rows, columns)

    def read(self, seconds: float = 0.2) -> None:
        """Take what the program has written, waiting for it for some time."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        while ready:
            data = os.read(self._master, 65536)
            self.raw += data
            self._stream.feed(data)
            ready, _, _ = select.select([self._master], [], [], 0)

    def lines(self) -> list[str]:
        """All lines, also those that have scrolled away, without empty ones at the end."""
        gone = [
            "".join(line[x].data for x in range(self.screen.columns))
            for line in self.screen.history.top
        ]
        shown = [line.rstrip() for line in [*gone, *self.screen.display]]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    def until(self, holds: Callable[[list[str]], object], seconds: float = 120) -> list[str]:
        """Wait until what is seen is as wanted; returns that."""
        deadline = time.monotonic() + patient(seconds)
        while not holds(self.lines()):
            assert time.monotonic() < deadline, "\n".join(self.lines())
            self.read()
        return self.lines()

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._master, text.encode())

    def wait(self, seconds: float = 120) -> int:
        """Read to the program's end; its exit status."""
        deadline = time.monotonic() + patient(seconds)
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "\n".join(self.lines())
            self.read()
        self.read()
        return self.process.returncode
