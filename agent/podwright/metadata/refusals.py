# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of log per refusal, and not more than somebody can read."""

from __future__ import annotations

import time

from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 20
PER_SECOND = 1.0


class Refusals:
    """Writes lines; when they come too fast, how many there were besides."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._left = float(BURST)
        self._last = clock()
        self._silent = 0

    def tell(self, source: str, what: str) -> None:
        """Somebody was refused. Neither text holds a token."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._last) * PER_SECOND)
        self._last = now
        if self._left < 1:
            self._silent += 1
            return
        self._left -= 1
        more = f" ({self._silent} more were refused meanwhile)" if self._silent else ""
        self._silent = 0
        self._write(f"refused {safe(source, 80)}: {safe(what, 300)}{more}")
