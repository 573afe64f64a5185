# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A few lines that stay at the bottom of a terminal while all other output passes above them.

No mode of the terminal is changed: whatever ends the process, there is nothing to restore but those lines,
which `close` removes. Each picture is one write, from an erased panel to a drawn one.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from typing import Any, TextIO

from ansible_collections.podwright.fleet.plugins.plugin_utils import live_panel

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronised output: terminals that know it show nothing half-drawn, others ignore it."""

_TEXT = "0{0,2}[0-4]|2[2-4]|3[0-79]|9[0-7]|38;5;[0-9]{1,3}|38;2;[0-9]{1,3};[0-9]{1,3};[0-9]{1,3}"
"""Colours and weights of text. Not among them is what hides it: conceal, reverse, colours of the ground."""
_OBEYED = re.compile(
    f"\x1b\\[(?:(?:{_TEXT})(?:;(?:{_TEXT}))*)?m|"
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_COLOR = re.compile("\x1b\\[[0-9;]*m")


def harmless(text: str) -> str:
    """Output for a terminal or a log in which only colours, lines and tabs are obeyed."""
    return _OBEYED.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    char = found.group(0)
    if len(char) > 1 or char == "\r":
        return char if len(char) > 1 else ""
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"


class Stream:
    """Stands in for sys.stdout or sys.stderr: what is written is harmless, and goes above the panel."""

    def __init__(self, real: TextIO, screen: Screen) -> None:
        self.real = real
        self._screen = screen

    def write(self, text: str) -> int:
        """Like the real one's."""
        self._screen.above(self.real, text if not isinstance(text, str) else harmless(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Like the real one's."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        """Who writes bytes asks people something: the panel is out of the way until the next picture."""
        self._screen.erase()
        return getattr(self.real, "buffer", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Screen:
    """The panel. `picture` is called with (columns, rows) for its lines; `lock` is held while anything is written."""

    def __init__(self, out: TextIO, picture: Callable[[int, int], list[str]], lock: Any) -> None:
        self._out = out
        self._picture = picture
        self._lock = lock
        self._pid = os.getpid()
        self._drawn: list[int] = []
        self._partial = False
        self._stop = threading.Event()
        self._clock: threading.Thread | None = None
        self.shows = False

    def open(self, tick: float = 0.5) -> None:
        """Show the panel, and draw it again every `tick` seconds."""
        self.shows = True
        self._clock = threading.Thread(target=self._run, args=(tick,), daemon=True)
        self._clock.start()

    def _run(self, tick: float) -> None:
        while not self._stop.wait(tick):
            self.draw()

    def close(self) -> None:
        """Remove the panel for good."""
        if os.getpid() != self._pid:
            return
        self._stop.set()
        if self._clock is not None and self._clock is not threading.current_thread():
            self._clock.join(5)
        with self._lock:
            self.erase()
            self.shows = False

    def above(self, stream: TextIO, text: str) -> None:
        """Write something that stays."""
        with self._lock:
            if os.getpid() != self._pid or not self.shows:
                stream.write(text)
                return
            if stream is self._out:
                stream.write(self._erasing() + text)
            else:
                self.erase()
                stream.write(text)
            stream.flush()
            self._drawn = []
            if text:
                self._partial = not text.endswith("\n")

    def draw(self) -> None:
        """Draw the panel anew, in the size that the terminal has now."""
        with self._lock:
            if not self.shows or self._partial or os.getpid() != self._pid:
                return
            try:
                columns, rows = self._size()
                lines = self._picture(columns, rows) if columns > 10 and rows > 3 else []
                self._out.write(f"{BEGIN}{self._erasing()}" + "\n".join(lines) + END)
                self._out.flush()
            except (OSError, ValueError):
                self.shows = False  # the terminal is gone
                return
            self._drawn = [live_panel.width(_COLOR.sub("", line)) for line in lines]

    def _size(self) -> tuple[int, int]:
        """Columns and rows. A terminal that was never told its size, as those of some runners, says 0."""
        columns, rows = os.get_terminal_size(self._out.fileno())
        return columns or 80, rows or 24

    def erase(self) -> None:
        """Take the panel away until the next picture."""
        with self._lock:
            if self._drawn and os.getpid() == self._pid:
                try:
                    self._out.write(self._erasing())
                    self._out.flush()
                except (OSError, ValueError):
                    self.shows = False
                self._drawn = []

    def _erasing(self) -> str:
        """What takes the panel away; in a terminal that has become narrower its lines have become several."""
        if not self._drawn:
            return ""
        try:
            columns = self._size()[0]
        except OSError:
            columns = 80
        lines = sum(max(1, -(-length // columns)) for length in self._drawn)
        up = f"\x1b[{lines - 1}A" if lines > 1 else ""
        return f"\r{up}\x1b[J"
