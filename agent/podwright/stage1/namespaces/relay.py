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
        termios.tcsetattr(0, termios.TCSADRAIN, raw_mode(self.before))

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


class Shown:
    """A terminal of a pod, shown at ours by this process itself until `end`.

    ours   which of 0, 1, 2 are our terminal; typed is only what comes from 0
    """

    def __init__(self, master: int, ours: tuple[int, ...]) -> None:
        self.master = master
        self.typed = 0 in ours
        self.output: int = next(fd for fd in (1, 2, 0) if fd in ours)
        self.size_of = ours[0]
        self.open = True
        self._before: list[Any] = []
        self._waiting = b""

    def start(self) -> None:
        """Make our terminal raw when something can be typed."""
        import termios

        os.set_blocking(self.master, False)
        self.resized()
        if self.typed:
            self._before = termios.tcgetattr(0)
            termios.tcsetattr(0, termios.TCSADRAIN, raw_mode(self._before))

    def resized(self) -> None:
        """Our terminal has another size now."""
        terminal.copy_size(self.size_of, self.master)

    def wait(self, other: int) -> bool:
        """Copy what there is, once; whether `other` can be read."""
        import select

        wait = select.poll()
        wait.register(other, select.POLLIN)
        if self.open:
            writes = select.POLLOUT if self._waiting else 0
            wait.register(self.master, select.POLLIN | writes)
        if self.open and self.typed and not self._waiting:
            wait.register(0, select.POLLIN)
        ready = {fd for fd, _ in wait.poll()}
        if self.master in ready:
            self._show()
            self._type()
        if 0 in ready and not self._waiting:
            self._read()
        return other in ready

    def drain(self, quiet: float, most: float) -> None:
        """Show the last output: until nobody has the terminal open, nothing comes any more, or
        `most` seconds have passed, since others in the pod may write to it for ever."""
        import select
        import time

        deadline = time.monotonic() + most
        wait = select.poll()
        wait.register(self.master, select.POLLIN)
        while self.open and time.monotonic() < deadline and wait.poll(int(quiet * 1000)):
            self._show()

    def end(self) -> None:
        """Restore our terminal."""
        import termios

        if self._before:
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
        os.close(self.master)

    def _show(self) -> None:
        try:
            data = os.read(self.master, _PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.open = False
        while data:
            data = data[os.write(self.output, data) :]

    def _read(self) -> None:
        try:
            self._waiting = os.read(0, _PIECE)
        except OSError:
            self._waiting = b""
        if not self._waiting:
            self.typed = False
        self._type()

    def _type(self) -> None:
        """Type what is waiting, as far as the terminal takes it."""
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self.master, self._waiting) :]
        except BlockingIOError:
            return
        except OSError:
            self._waiting = b""


def raw_mode(before: list[Any]) -> list[Any]:
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
