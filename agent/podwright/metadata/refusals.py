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
    """Writes lines; when they come too fast, how many there were besides.

    Who is no pod has a count of its own, and so cannot drown what is said about pods.
    """

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._buckets = {stranger: _Bucket(clock()) for stranger in (False, True)}

    def tell(self, source: str, what: str, *, stranger: bool = False) -> None:
        """Somebody was refused. Neither text holds a token."""
        bucket = self._buckets[stranger]
        if not bucket.take(self._clock()):
            return
        more = f" ({bucket.silent} more were refused meanwhile)" if bucket.silent else ""
        bucket.silent = 0
        self._write(f"refused {safe(source, 80)}: {safe(what, 300)}{more}")


class _Bucket:
    """How many lines may still be written, and how many were not since the last one."""

    def __init__(self, now: float) -> None:
        self.silent = 0
        self._left = float(BURST)
        self._last = now

    def take(self, now: float) -> bool:
        self._left = min(BURST, self._left + (now - self._last) * PER_SECOND)
        self._last = now
        if self._left < 1:
            self.silent += 1
            return False
        self._left -= 1
        return True
