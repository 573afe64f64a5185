# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of downloads for people: a bar on a terminal, one line per 10 % elsewhere.

What is done within a second is not talked about.
"""

from __future__ import annotations

import os
import sys
import time

from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


PATIENCE = 1.0
"""Seconds of silence."""


class Printer:
    """Called with (what, bytes done, bytes in all or None) while something is fetched."""

    def __init__(self, doing: str = "fetching") -> None:
        self.doing = doing
        self.last: dict[str, int] = {}
        self.began: dict[str, float] = {}
        self.terminal = os.isatty(2)

    def __call__(self, what: str, done: int, total: Optional[int]) -> None:
        now = time.monotonic()
        if now - self.began.setdefault(what, now) < PATIENCE:
            return
        mib = done / 1048576
        step = int(done * 10 / total) if total else int(mib // 10)
        if self.terminal:
            self._bar(what, done, total)
        elif self.last.get(what) != step:
            of = f" of {total / 1048576:.1f} MiB ({step * 10} %)" if total else " MiB"
            sys.stderr.write(f"podwright: {self.doing} {safe(what, 100)}: {mib:.1f}{of}\n")
        self.last[what] = step

    def _bar(self, what: str, done: int, total: Optional[int]) -> None:
        width = 30
        filled = int(width * done / total) if total else 0
        bar = f"[{'#' * filled}{'.' * (width - filled)}] " if total else ""
        end = "\n" if total and done >= total else ""
        sys.stderr.write(f"\r{safe(what, 60)} {bar}{done / 1048576:.1f} MiB{end}")
        sys.stderr.flush()
