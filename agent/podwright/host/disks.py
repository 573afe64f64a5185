# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks behind paths, by number."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def disks(paths: Iterable[str]) -> tuple[str, ...]:
    """`MAJOR:MINOR` of every disk behind the paths; none for what is in memory only.

    The kernel limits whole disks, not partitions.
    """
    numbers = {os.stat(path).st_dev for path in paths}
    found = {disk for number in numbers for disk in [_disk(number)] if disk}
    return tuple(sorted(found))


def _disk(number: int) -> str:
    if os.major(number) == 0:
        number = _backing(f"0:{os.minor(number)}")
    name = f"{os.major(number)}:{os.minor(number)}"
    link = f"/sys/dev/block/{name}"
    if not number or not os.path.exists(link):
        return ""
    if os.path.exists(f"{link}/partition"):
        with open(f"{os.path.realpath(link)}/../dev") as file:
            return file.read().strip()
    return name


def _backing(name: str) -> int:
    """The device of a filesystem that has several, or numbers of its own (btrfs)."""
    with open("/proc/self/mountinfo") as file:
        for line in file:
            head, _, tail = line.partition(" - ")
            source = tail.split(" ")[1]
            if head.split(" ")[2] == name and source.startswith("/"):
                try:
                    found = os.stat(source)
                except OSError:
                    continue
                if stat.S_ISBLK(found.st_mode):
                    return found.st_rdev
    return 0
