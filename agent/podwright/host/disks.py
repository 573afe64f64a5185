# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks behind paths, by number; and whether they are shared by weight."""

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


def unweighted(disk: str, own: str) -> str:
    """Why weights of cgroups do not count on a disk, or "".

    own  the caller's cgroup of v2, "" with v1, which has weights in the scheduler BFQ only
    """
    idle = [part for part in _parts(disk) if not (_has_bfq(part) or (own and _has_cost(part, own)))]
    if not idle:
        return ""
    return f"the scheduler of disk {idle[0]} has no weights: select bfq" + (
        ", or enable io.cost.qos" if own else ""
    )


def _parts(disk: str) -> list[str]:
    """The disks that a disk is made of (device mapper, RAID), or itself."""
    try:
        names = os.listdir(f"/sys/dev/block/{disk}/slaves")
    except OSError:
        names = []
    found = []
    for name in sorted(names):
        number = os.stat(f"/dev/{name}").st_rdev if os.path.exists(f"/dev/{name}") else 0
        whole = _disk(number) if number else ""
        found += _parts(whole) if whole else [disk]
    return found or [disk]


def _has_bfq(disk: str) -> bool:
    try:
        with open(f"/sys/dev/block/{disk}/queue/scheduler") as file:
            return "[bfq]" in file.read().split()
    except OSError:
        return False


def _has_cost(disk: str, own: str) -> bool:
    """Whether the kernel counts what a disk's requests cost; only the root cgroup says so."""
    while own not in ("", "/") and not os.path.exists(f"{own}/io.cost.qos"):
        own = os.path.dirname(own)
    try:
        with open(f"{own}/io.cost.qos") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    return any(line.split()[0] == disk and "enable=1" in line.split() for line in lines if line)
