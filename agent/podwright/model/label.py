# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux contexts: values, checked. What is in force on a host is for host/selinux.py to read.

A context is `user:role:type[:level]`; the level of a pod is `s0:cA,cB`, its MCS pair.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.text import safe
from podwright.values import replace, value

CATEGORIES = 1024
IDENTIFIER = LETTERS + DIGITS + "_.-"
LEVEL = LETTERS + DIGITS + "_.:,-"


@value
class Context:
    """An SELinux security context."""

    user: str
    role: str
    type: str
    level: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.user, self.role, self.type, self.level) if part)

    def at(self, level: str) -> Context:
        """The same with another level."""
        return replace(self, level=level)


@value
class PodLabel:
    """What a pod carries on a host with SELinux.

    process, file   contexts of its processes and of what it may write
    ro_file         of the images' trees, which several pods read
    slot            descriptor that holds the MCS pair taken; -1 when there is none
    shared          of volumes that several pods write to; "" for `file` without the pair
    """

    process: str
    file: str
    ro_file: str
    slot: int = -1
    shared: str = ""


def parse_context(text: str, where: str) -> Context:
    """Read `user:role:type[:level]`. Raises UsageError naming `where`."""
    parts = text.split(":", 3)
    good = len(parts) >= 3 and all(part and made_of(part, IDENTIFIER) for part in parts[:3])
    if len(parts) == 4:
        pieces = parts[3].split(":")  # a range has a low and a high end, each with categories
        good = good and made_of(parts[3], LEVEL) and all(pieces) and len(pieces) <= 3
    if not good or len(text) > 1024:
        raise UsageError(
            f"{where}: {safe(text, 120)!r} is not an SELinux context",
            "write user:role:type:level, as ps -Z and ls -Z show it",
            object=where,
        )
    return Context(*parts)


def shared_by(file: str) -> str:
    """The context of a pod's files without the categories of one pod."""
    return str(parse_context(file, "the pod's context").at("s0" if ":s0" in file else ""))


def pair(low: int, high: int) -> str:
    """The level of a pod with these two categories."""
    return f"s0:c{low},c{high}"


def pair_of_number(number: int) -> tuple[int, int]:
    """The pair (A < B < 1024) that has this number, of `PAIRS`; each pair has one."""
    high = 1
    low, top = 1, CATEGORIES - 1
    while low <= top:
        middle = (low + top) // 2
        if middle * (middle - 1) // 2 <= number:
            high, low = middle, middle + 1
        else:
            top = middle - 1
    return number - high * (high - 1) // 2, high


def number_of_pair(level: str) -> int:
    """The number of the pair that a level is; -1 when it is no pair."""
    sensitivity, _, both = level.partition(":")
    names = both.split(",")
    numbers = [name[1:] for name in names if name[:1] == "c" and name[1:].isdigit()]
    if sensitivity != "s0" or len(names) != 2 or len(numbers) != 2:
        return -1
    low, high = sorted(int(number) for number in numbers)
    return high * (high - 1) // 2 + low if low < high < CATEGORIES else -1


PAIRS = CATEGORIES * (CATEGORIES - 1) // 2
