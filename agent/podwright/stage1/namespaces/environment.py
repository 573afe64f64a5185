# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of an app: what the manifest says, the constants, and defaults (B4).

Nothing of the agent's own environment gets in.
"""

from __future__ import annotations

DEFAULTS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/sh",
    "USER": "root",
    "LOGNAME": "root",
    "HOME": "/root",
}


def environment(app: str, given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """(name, value) pairs, sorted by name."""
    merged = {**DEFAULTS, **dict(given), "AC_APP_NAME": app, "container": "rkt"}
    return tuple(sorted(merged.items()))


def encode(pairs: tuple[tuple[str, str], ...]) -> bytes:
    """As /proc/PID/environ has it, so that newlines in values survive."""
    return b"".join(f"{name}={text}\0".encode("utf-8", "surrogateescape") for name, text in pairs)
