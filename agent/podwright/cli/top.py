# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright top`: what running pods use, live on a terminal, else once."""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from podwright import jsonio
from podwright.cli import durations, top_rows, which
from podwright.cli.context import Context, say
from podwright.cli.table import fitting
from podwright.errors import UsageError
from podwright.stage0 import pods, sample
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Optional

    from podwright.cli.options import Arguments

KEYS = {b"c": "cpu", b"m": "memory", b"n": "name", b"P": "cpu", b"M": "memory", b"N": "name"}
"""The first three are ours, the others are top(1)'s."""
FOOT = "sort: c cpu, m memory, n name   q quit"
ENTER = "\x1b[?1049h\x1b[?25l"
LEAVE = "\x1b[?25h\x1b[?1049l"
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT)


def run(context: Context, args: Arguments) -> int:
    """A table that is drawn again and again, or one sample, taken over an interval."""
    interval = durations.seconds(args.text("interval", "2s"), "--interval")
    if not 0.1 <= interval <= 3600:
        raise UsageError(
            f"--interval: {safe(args.text('interval'), 40)} is not between 100ms and 1h"
        )
    look = _Look(context, args)
    form = args.text("format")
    if form or args.true("once") or not (os.isatty(0) and os.isatty(1)):
        time.sleep(interval)
        found = look.again()
        if form:
            say((jsonio.pretty if form == "json-pretty" else jsonio.dumps)(found))
        else:
            cells = top_rows.cells(found, time.time())
            say(fitting(top_rows.TITLES, cells, True, top_rows.DROPPED))
        return 0
    return _Screen(look, interval).run()


class _Look:
    """Looks at the pods; each time, rates are since the time before."""

    def __init__(self, context: Context, args: Arguments) -> None:
        self._layout = context.layout
        names = which.names(args, "top") if args.rest or args.given("uuid-file") else []
        self._only = {pods.find(context.layout, name).uuid for name in names}
        self.sort = args.text("sort", "cpu")
        self._before = self._take()

    def _take(self) -> list[sample.Sample]:
        found = sample.take(self._layout, (pods.RUN,))
        return [one for one in found if not self._only or one.pod["name"] in self._only]

    def again(self) -> list[dict[str, Any]]:
        before, self._before = self._before, self._take()
        return top_rows.rows(before, self._before, self.sort)


class _Screen:
    """The terminal while the table is on it. Whatever ends us, it is left as it was."""

    def __init__(self, look: _Look, interval: float) -> None:
        import termios

        self._look = look
        self._interval = interval
        self._rows: list[dict[str, Any]] = []
        self._ending = 0
        self._before = termios.tcgetattr(0)

    def run(self) -> int:
        """Until q, Ctrl-C, the terminal's end, or a signal that asks for it."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.signal(signal.SIGTSTP, self._pause)
        for number in ENDING:
            signal.signal(number, self._asked)
        try:
            self._enter()
            self._loop(reader)
        finally:
            self._leave()
        return 0 if self._ending in (0, signal.SIGINT) else 128 + self._ending

    def _asked(self, number: int, _frame: Optional[FrameType]) -> None:
        """Noticed by the loop: whatever is being written to the terminal is written first."""
        self._ending = number

    def _pause(self, number: int, _frame: Optional[FrameType]) -> None:
        """Ctrl-Z: give the terminal back until the shell lets us go on."""
        self._leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._pause)
        self._enter()

    def _enter(self) -> None:
        import termios

        wanted = termios.tcgetattr(0)
        wanted[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(0, termios.TCSADRAIN, wanted)
        _put(ENTER)

    def _leave(self) -> None:
        import termios

        try:
            _put(LEAVE)
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
        except (OSError, termios.error):
            return  # the terminal is gone

    def _loop(self, reader: int) -> None:
        due = 0.0
        while not self._ending:
            left = due - time.monotonic()
            if left <= 0:
                self._rows = self._look.again()
                due, left = time.monotonic() + self._interval, self._interval
            self._draw()
            ready, _, _ = select.select([0, reader], [], [], left)
            if reader in ready:
                os.read(reader, 4096)
            if 0 in ready and not self._obey():
                return

    def _obey(self) -> bool:
        """Do what a key says; False to leave."""
        try:
            typed = os.read(0, 64)
        except OSError:
            return False
        if not typed or typed in (b"q", b"Q"):
            return False
        if typed in KEYS:
            self._look.sort = KEYS[typed]
            self._rows = self._look.again()
        return True

    def _draw(self) -> None:
        width, height = os.get_terminal_size(1)
        cells = top_rows.cells(self._rows, time.time())
        table = fitting(top_rows.TITLES, cells, True, top_rows.DROPPED, width)
        lines = [line.expandtabs(2)[: max(1, width)] for line in table.split("\n")]
        shown = lines[: max(1, height - 1)]
        foot = FOOT if len(shown) == len(lines) else f"{len(lines) - len(shown)} more   {FOOT}"
        body = "\x1b[K\n".join([*shown, ""])
        _put(f"\x1b[H{body}\x1b[J\x1b[{max(1, height)};1H{foot[: max(1, width - 1)]}\x1b[K")


def _put(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
