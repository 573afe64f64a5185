# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes words of a command line or a configuration: texts of known characters, or refused (T81). Pure."""

from __future__ import annotations

from podwright.errors import HostError
from podwright.model.names import HEX, made_of
from podwright.text import safe


def checked(text: str, characters: str, what: str) -> str:
    """A text made of these characters, which begins no option. `what`: "tag of a machine". Raises HostError."""
    if not isinstance(text, str) or not made_of(text, characters) or text.startswith("-"):
        raise HostError(f"{safe(text, 100)!r} cannot be a {what}")
    return text


def path(text: str, characters: str, what: str) -> str:
    """An absolute path of such characters. Raises HostError."""
    if not text.startswith("/"):
        raise HostError(f"{safe(text, 100)!r} is not an absolute path")
    return checked(text, characters, what)


def mac(text: str) -> str:
    """A hardware address. Raises HostError."""
    parts = text.split(":")
    if len(parts) != 6 or not all(len(part) == 2 and made_of(part, HEX) for part in parts):
        raise HostError(f"{safe(text, 40)!r} is not a hardware address")
    return text


def number(found: int, what: str) -> int:
    """A number above 0. `what`: "memory of a machine". Raises HostError."""
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise HostError(f"{what}: {safe(found, 40)} is not a number above 0")
    return found
