# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went wrong, for programs: loaded only where one asks, and something has gone wrong.

Whoever sets PODWRIGHT_ERRORS=json gets, as the last line on standard error, `podwright-error {...}` with `message`,
`hint`, `reason`, `stage` and `object`, besides the sentence for people.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MARK = "podwright-error"
MOST = 4000
REPORT = "report it, with what podwright --debug says"


def line(err: object, sentence: str) -> str:
    """One line of printable text."""
    return f"{MARK} {_ascii(jsonio.dumps(facts(err, sentence)))}\n"


def facts(err: object, sentence: str) -> dict[str, Any]:
    """An error of the agent's as it says itself; others by what they are."""
    if isinstance(err, PodwrightError):
        words = {name: getattr(err, name) for name in ("message", "hint", "object")}
        return {
            **{name: safe(text, MOST) for name, text in words.items()},
            "reason": err.reason,
            "stage": err.stage,
        }
    reason, stage, about, hint = _of_others(err)
    return {
        "message": safe(sentence, MOST),
        "hint": hint,
        "reason": reason,
        "stage": stage,
        "object": safe(about, MOST),
    }


def _of_others(err: object) -> tuple[str, str, str, str]:
    """Reason, stage, object and hint of what Python has raised."""
    if isinstance(err, OSError):
        return (
            "host-failed",
            "host",
            str(err.filename or ""),
            "podwright check-host looks at the host",
        )
    if isinstance(err, (UnicodeEncodeError, RecursionError)):
        return "bad-input", "input", "", "check what was given"
    if isinstance(err, MemoryError):
        return "no-memory", "host", "", "free memory on the host"
    if isinstance(err, KeyboardInterrupt):
        return "interrupted", "host", "", "run it again: what is there already stays"
    return "internal-error", "host", "", REPORT


def _ascii(text: str) -> str:
    """JSON in which nothing but ASCII stands: surrogates and the like as escapes."""
    if text.isascii():
        return text
    out = []
    for char in text:
        code = ord(char)
        if code < 0x80:
            out.append(char)
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    return "".join(out)
