# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts say, read as a stranger's: of the right kind, of bounded length, or not at all. Pure."""

from __future__ import annotations

import calendar
import time
import unicodedata
from typing import Any

LONGEST = 1000
"""Characters of one text in a report."""

MOST = 1000
"""Objects of one kind of one host."""


def text(raw: Any, limit: int = LONGEST) -> str:
    """A text, cut; other scalars as they would be written, and nothing for the rest."""
    if isinstance(raw, bool) or raw is None or isinstance(raw, (dict, list, tuple)):
        return ""
    # str() of a template's value is the text itself; lone surrogates cannot be written to files
    plain = str(raw).encode("utf-8", "replace").decode("utf-8")
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}\N{HORIZONTAL ELLIPSIS}"


def number(raw: Any) -> float | int | None:
    """A number that is finite and not negative."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    return raw if 0 <= raw < 2**63 else None


def count(raw: Any) -> int:
    """A number of things."""
    found = number(raw)
    return int(found) if found is not None else 0


def mapping(raw: Any) -> dict[str, Any]:
    """A mapping, else an empty one."""
    return raw if isinstance(raw, dict) else {}


def items(raw: Any, limit: int = MOST) -> list[dict[str, Any]]:
    """The mappings of a list."""
    found = raw if isinstance(raw, (list, tuple)) else ()
    return [item for item in found[:limit] if isinstance(item, dict)]


def texts(raw: Any, limit: int = 100) -> list[str]:
    """The texts of a list."""
    found = raw if isinstance(raw, (list, tuple)) else ()
    return [text(item) for item in found[:limit] if isinstance(item, str)]


def moment(raw: Any) -> float | None:
    """Seconds since the epoch of a time as RFC 3339 has it, in UTC."""
    try:
        return float(calendar.timegm(time.strptime(str(raw)[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return None


def stamp(seconds: float) -> str:
    """A time as RFC 3339 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def visible(raw: str) -> str:
    """A text in one line in which nothing is hidden: controls and marks of direction are written out."""
    return "".join(_shown(char) for char in raw)


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
