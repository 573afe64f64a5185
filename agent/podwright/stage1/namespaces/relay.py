# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tie our terminal to the one of an interactive app.

The app has a terminal of its own, in its own /dev/pts, so that nothing it does to its terminal
is done to ours (threats.md T78). A child of ours copies bytes both ways; keys such as Ctrl-C
arrive at the app's terminal, which makes the signals.
"""

from __future__ import annotations

import os

from podwright.kernel import signals, terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PIECE = 65536


class Relay:
    """From `start` to `end`; our standard input is a terminal meanwhile in raw mode."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.pid = 0
        self.before: list[Any] = []

    def start(self) -> None:
        """Make our terminal raw and start copying."""
        import termios

        terminal.copy_size(0, self.master)
        self.before = termios.tcgetattr(0)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _copy(self.master)
            finally:
                os._exit(0)
        termios.tcsetattr(0, termios.TCSADRAIN, _raw(self.before))

    def resized(self) -> None:
        """Our terminal has another size now."""
        terminal.copy_size(0, self.master)

    def end(self) -> None:
        """The app's terminal has no user any more: show its last output, restore ours."""
        import termios

        if self.pid:
            os.waitpid(self.pid, 0)
            termios.tcsetattr(0, termios.TCSADRAIN, self.before)
        os.close(self.master)


def _raw(before: list[Any]) -> list[Any]:
    """As cfmakeraw(3)."""
    import termios as t

    raw = [*before[:6], list(before[6])]
    raw[0] &= ~(t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON)
    raw[1] &= ~t.OPOST
    raw[2] = raw[2] & ~(t.CSIZE | t.PARENB) | t.CS8
    raw[3] &= ~(t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN)
    raw[6][t.VMIN], raw[6][t.VTIME] = 1, 0
    return raw


def _copy(master: int) -> None:
    """Copy until the app's terminal has no user any more (EIO) or our output is gone."""
    import select

    for number in (signals.SIGINT, signals.SIGTERM, signals.SIGHUP, signals.SIGWINCH):
        signals.signal(number, signals.SIG_IGN)
    wait = select.poll()
    wait.register(master, select.POLLIN)
    wait.register(0, select.POLLIN)
    while True:
        for fd, _ in wait.poll():
            try:
                data = os.read(fd, _PIECE)
            except OSError:
                data = b""
            if not data and fd == master:
                return
            if not data:
                wait.unregister(0)
            while data:
                data = data[os.write(1 if fd == master else master, data) :]
