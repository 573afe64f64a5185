# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A skipped test is not a passed one: only those in `tests/allowed-skips.txt` may be skipped.

Each line of that file is `TEST-ID | COMMAND`, where COMMAND is the one that does run the test.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def allowed(path: Path) -> dict[str, str]:
    """Return the committed list: test id → the command that runs it. A line without a command is an error."""
    entries = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        test, separator, command = text.partition(" | ")
        if not separator or not command.strip():
            raise ValueError(f"{path}:{number}: expected 'TEST-ID | COMMAND', got {text!r}")
        entries[test.strip()] = command.strip()
    return entries


def unexpected(skipped: Iterable[str], listed: dict[str, str]) -> list[str]:
    """Return the skipped test ids that the committed list does not name, sorted."""
    return sorted(set(skipped) - set(listed))
