# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of downloads on standard error: a bar on a terminal, one line per 10 % elsewhere, and
JSON events for programs (`--progress=json`), one object per line:

    {"done":1048576,"event":"fetching","image":"example.com/redis:7","total":10485760}

`event` is `fetching`, and `fetched` when all bytes have come; `total` is null while nobody knows.
For people, what is done within a second is not talked about.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import allocate_lock  # `threading` is 3 ms, and a pod that starts loads this file

from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    Progress = Callable[[str, int, Optional[int]], None]

FORMS = ("", "auto", "json", "none")
PATIENCE = 1.0
"""Seconds of silence."""
OFTEN = 0.1
"""Seconds between two pictures of the bar."""
WIDTH = 30
STEP = 10 * 1048576
"""Bytes between two reports on what has no known size."""


def printer(form: str) -> Optional[Progress]:
    """What reports progress in one of FORMS; None for none at all."""
    if form == "json":
        return Events()
    return None if form == "none" else Printer()


def _step(done: int, total: Optional[int]) -> int:
    """What a report is made at every change of: tenths, or tens of MiB."""
    return done * 10 // total if total else done // STEP


class Events:
    """Called with (what, bytes done, bytes in all or None) while something is fetched."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._lock = allocate_lock()

    def __call__(self, what: str, done: int, total: Optional[int]) -> None:
        step = _step(done, total)
        with self._lock:
            if self._last.get(what) == step:
                return
            self._last[what] = step
            from podwright import jsonio

            event = "fetched" if total and done >= total else "fetching"
            said = {"event": event, "image": what, "done": done, "total": total}
            sys.stderr.write(jsonio.dumps(said) + "\n")
            sys.stderr.flush()


class Printer:
    """The same for people."""

    def __init__(self, doing: str = "fetching") -> None:
        self._doing = doing
        self.terminal = os.isatty(2)
        self._last: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._drawn = 0.0
        self._lock = allocate_lock()

    def __call__(self, what: str, done: int, total: Optional[int]) -> None:
        now = time.monotonic()
        if now - self._began.setdefault(what, now) < PATIENCE:
            return
        with self._lock:
            if self.terminal:
                ready = bool(total) and done >= (total or 0)
                if ready or now - self._drawn >= OFTEN:
                    self._drawn = now
                    sys.stderr.write(bar(what, done, total, _columns()))
                    sys.stderr.flush()
                return
            step = _step(done, total)
            if self._last.get(what) != step:
                self._last[what] = step
                sys.stderr.write(_line(self._doing, what, done, total, step))
                sys.stderr.flush()


def _line(doing: str, what: str, done: int, total: Optional[int], step: int) -> str:
    of = f" of {total / 1048576:.1f} MiB ({step * 10} %)" if total else " MiB"
    return f"podwright: {doing} {safe(what, 100)}: {done / 1048576:.1f}{of}\n"


def bar(what: str, done: int, total: Optional[int], columns: int) -> str:
    """One picture of the bar. The cursor stays at its beginning, so that messages overwrite it."""
    filled = min(WIDTH, WIDTH * done // total) if total else 0
    boxes = f"[{'#' * filled}{'.' * (WIDTH - filled)}] " if total else ""
    text = f"{boxes}{done / 1048576:.1f} MiB"
    if total:
        text = f"{boxes}{done / 1048576:.1f} of {total / 1048576:.1f} MiB"
    room = max(8, columns - len(text) - 2)
    shown = str(safe(what, 200))
    shown = shown if len(shown) <= room else f"{shown[: room - 3]}..."
    end = "\n" if total and done >= total else "\r"
    return f"\x1b[K{shown} {text}{end}"


def _columns() -> int:
    try:
        return os.get_terminal_size(2).columns
    except OSError:
        return 80
