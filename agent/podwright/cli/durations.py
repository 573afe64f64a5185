# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them: 90s, 30m, 24h, 1h30m, or bare seconds."""

from __future__ import annotations

import re

from podwright.errors import UsageError
from podwright.text import safe

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|h|m|s)")
LONGEST = 1e10
"""Seconds, three centuries: what a clock and the calendar can be told."""


def seconds(text: str, what: str) -> float:
    """Parse a duration into seconds. Raises UsageError."""
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        parts = [(text, "s")]
    else:
        parts = PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise UsageError(
                f"{what}: {safe(text, 40)!r} is not a duration", "write 90s, 30m or 24h"
            )
    found = sum(float(number) * UNITS[unit] for number, unit in parts)
    if found > LONGEST:
        raise UsageError(
            f"{what}: {safe(text, 40)!r} is too long", "87600h is ten years", object=what
        )
    return found


def ago(then: float, now: float) -> str:
    """How long ago, for tables: `5 seconds ago`, `3 hours ago`."""
    passed = max(0, int(now - then))
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if passed >= size:
            count = passed // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return f"{passed} second{'' if passed == 1 else 's'} ago"
