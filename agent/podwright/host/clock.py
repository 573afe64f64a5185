# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as text: RFC 3339 in UTC, with milliseconds where order matters."""

from __future__ import annotations

import time


def now() -> str:
    """The current time, RFC 3339, UTC, milliseconds."""
    return rfc3339(time.time())


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with milliseconds."""
    whole = int(seconds)
    millis = int((seconds - whole) * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{millis:03d}Z"


def boot_id() -> str:
    """The kernel's random ID of this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
