# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people: nothing that came from an image or the network reaches a terminal raw."""

from __future__ import annotations


class Shown(str):
    """Text that is escaped already: `!r` only puts quotes around it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{self}'"


def safe(text: object, limit: int = 512) -> Shown:
    """Escape control, bidirectional and unencodable characters, and cut at `limit`.

    Returns one line of printable text. Bytes are shown as UTF-8 with escapes.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    out = []
    for char in str(text)[: limit + 1]:
        code = ord(char)
        if char.isprintable() and not 0xD800 <= code <= 0xDFFF:
            out.append(char)
        elif code < 0x100:
            out.append(f"\\x{code:02x}")
        else:
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    shown = "".join(out)
    return Shown(shown[:limit] + "..." if len(shown) > limit else shown)
