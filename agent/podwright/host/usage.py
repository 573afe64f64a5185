# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod or an app uses of this host: read from its control groups, v1 or v2 (cgroups(7)).

What nobody counts is None, never 0. Control groups without the controllers cpu and memory still
know their processes: CPU time and memory are then what those say of themselves (proc(5)).
"""

from __future__ import annotations

import os

from podwright.host.cgrouptree import INNER, read
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
NO_LIMIT = 1 << 62
"""v1 writes the largest number of pages where there is no limit."""
STALLS = ("cpu", "memory", "io")
V1_IO = ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes")


@value
class Usage:
    """At one moment; None: not counted on this host, or no limit.

    cpu        seconds of CPU time since the beginning
    memory     bytes; `swap` those of them that are on disks
    pids       processes and threads
    read, written   bytes of disks since the beginning
    throttled  seconds since the beginning for which a limit held back who wanted to run
    oom_kills  processes that were killed for want of memory since the beginning
    cpu_waiting, memory_waiting, io_waiting   seconds since the beginning in which any of its
               processes waited for a CPU, for memory, for a disk (v2: pressure stall information)
    """

    cpu: Optional[float] = None
    memory: Optional[int] = None
    memory_limit: Optional[int] = None
    pids: Optional[int] = None
    pids_limit: Optional[int] = None
    read: Optional[int] = None
    written: Optional[int] = None
    swap: Optional[int] = None
    throttled: Optional[float] = None
    oom_kills: Optional[int] = None
    cpu_waiting: Optional[float] = None
    memory_waiting: Optional[float] = None
    io_waiting: Optional[float] = None


SECONDS = ("cpu", "throttled", "cpu_waiting", "memory_waiting", "io_waiting")


def of(cgroups: Iterable[str], app: str = "", init: int = 0) -> Usage:
    """What is used by all of a pod, or by one of its apps.

    cgroups  the pod's directories, as `stage1.namespaces.record` has them
    init     the pod's PID 1: a pod without control groups is that and its descendants
    """
    places = [f"{path}/{app}" if app else path for path in cgroups]
    found: dict[str, Optional[float]] = {}
    for place in places:
        for name, number in _counted(place).items():
            if found.get(name) is None:
                found[name] = number
    if found.get("cpu") is None or found.get("memory") is None:
        pids = _members(places) or (_descendants(init) if init and not app else set())
        for name, number in _told(pids).items():
            if found.get(name) is None:
                found[name] = number
    every: dict[str, Any] = {
        name: number if name in SECONDS else _whole(number) for name, number in found.items()
    }
    return Usage(**every)


def _whole(number: Optional[float]) -> Optional[int]:
    return None if number is None else int(number)


def _counted(place: str) -> dict[str, Optional[float]]:
    """What the files of one control group say, whichever controllers it has."""
    cpu = _field(read(f"{place}/cpu.stat"), "usage_usec")
    nanoseconds = number(read(f"{place}/cpuacct.usage"))
    seconds = nanoseconds / 1e9 if nanoseconds is not None else None
    io = read(f"{place}/io.stat")
    taken, given = parse_io(io) if io else (None, None)
    if taken is None:
        for name in V1_IO:
            taken, given = parse_blkio(read(f"{place}/{name}"))
            if taken is not None:
                break
    memory = number(read(f"{place}/memory.current"))
    return {
        "cpu": cpu / 1e6 if cpu is not None else seconds,
        "memory": number(read(f"{place}/memory.usage_in_bytes")) if memory is None else memory,
        "memory_limit": limit(
            read(f"{place}/memory.max") or read(f"{place}/memory.limit_in_bytes")
        ),
        "pids": number(read(f"{place}/pids.current")),
        "pids_limit": limit(read(f"{place}/pids.max")),
        "read": taken,
        "written": given,
        "swap": _swap(place, memory),
        "throttled": _throttled(place),
        "oom_kills": _oom_kills(place),
        **{f"{what}_waiting": stalled(read(f"{place}/{what}.pressure")) for what in STALLS},
    }


def _swap(place: str, memory: Optional[int]) -> Optional[int]:
    both = number(read(f"{place}/memory.memsw.usage_in_bytes"))
    if both is None:
        return number(read(f"{place}/memory.swap.current"))
    alone = memory if memory is not None else number(read(f"{place}/memory.usage_in_bytes"))
    return max(0, both - (alone or 0))


def _oom_kills(place: str) -> Optional[int]:
    text = read(f"{place}/memory.events")
    if not text:
        return _oom_kills_v1(place)
    # Linux before 5.2 counts them where the processes are only.
    found = (_field(text, "oom_kill"), _field(read(f"{place}/{INNER}/memory.events"), "oom_kill"))
    return max((one for one in found if one is not None), default=None)


def _oom_kills_v1(place: str, below: int = 2) -> Optional[int]:
    """Version 1 counts them only in the group that the process was in: a pod's are in those of its apps."""
    own = _field(read(f"{place}/memory.oom_control"), "oom_kill")
    if own is None or not below:
        return own
    try:
        inner = [f"{place}/{name}" for name in os.listdir(place)]
    except OSError:  # the pod ends meanwhile
        return own
    each = (_oom_kills_v1(one, below - 1) for one in inner if os.path.isdir(one))
    return own + sum(found for found in each if found is not None)


def _throttled(place: str) -> Optional[float]:
    """The two groups of an app have the same limit: mostly both of them hold it back at once."""
    found = []
    for text in (read(f"{place}/cpu.stat"), read(f"{place}/{INNER}/cpu.stat")):
        for name, parts in (("throttled_usec", 1e6), ("throttled_time", 1e9)):
            held = _field(text, name)
            if held is not None:
                found.append(held / parts)
    return max(found, default=None)


def stalled(text: str) -> Optional[float]:
    """Seconds since the beginning in which some process waited, from a file of pressure stall
    information."""
    for line in text.splitlines():
        if line.startswith("some "):
            total = number(line.rpartition("total=")[2])
            return None if total is None else total / 1e6
    return None


def number(text: str) -> Optional[int]:
    """A whole number, or None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else None


def limit(text: str) -> Optional[int]:
    """A limit; None for `max` and what v1 has in its place."""
    found = number(text)
    return None if found is None or found >= NO_LIMIT else found


def _field(text: str, name: str) -> Optional[int]:
    """A number of a flat keyed file."""
    for line in text.splitlines():
        key, _, rest = line.partition(" ")
        if key == name:
            return number(rest)
    return None


def parse_io(text: str) -> tuple[Optional[int], Optional[int]]:
    """Bytes read and written of all disks, from io.stat of v2."""
    sums = {"rbytes": 0, "wbytes": 0}
    for line in text.splitlines():
        for word in line.split(" ")[1:]:
            key, _, rest = word.partition("=")
            if key in sums:
                sums[key] += number(rest) or 0
    return sums["rbytes"], sums["wbytes"]


def parse_blkio(text: str) -> tuple[Optional[int], Optional[int]]:
    """Bytes read and written of all disks, from a file of blkio in v1; None when there is none."""
    if not text:
        return None, None
    sums = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) == 3 and words[1] in sums:
            sums[words[1]] += number(words[2]) or 0
    return sums["Read"], sums["Write"]


def _members(places: list[str]) -> set[int]:
    """The processes in the first of these control groups that is there, and below it."""
    for place in places:
        if os.path.isdir(place):
            from podwright.host.freezer import members

            return set(members(place))
    return set()


def _descendants(init: int) -> set[int]:
    """A process and all below it."""
    found: set[int] = set()
    left = [init]
    while left:
        pid = left.pop()
        if pid in found:
            continue
        found.add(pid)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                left += [int(word) for word in read(f"/proc/{pid}/task/{thread}/children").split()]
        except OSError:
            continue
    return found


def _told(pids: set[int]) -> dict[str, Optional[float]]:
    """CPU time, with that of children that have been waited for, and memory of their own."""
    ticks = pages = 0
    any_of_them = False
    for pid in pids:
        times, sizes = _stat(pid), read(f"/proc/{pid}/statm").split()
        if times is None or len(sizes) < 3:
            continue
        any_of_them = True
        ticks += times
        pages += max(0, int(sizes[1]) - int(sizes[2]))
    if not any_of_them:
        return {}
    return {"cpu": ticks / TICKS, "memory": pages * PAGE}


def _stat(pid: int) -> Optional[int]:
    """utime + stime + cutime + cstime of a process; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return sum(int(one) for one in fields[11:15]) if len(fields) > 15 else None


@value
class Traffic:
    """Bytes of one of a pod's links, as the pod sees it."""

    ifname: str
    received: int
    sent: int


def traffic(pid: int) -> tuple[Traffic, ...]:
    """The links in the network namespace of a process, but for the loopback."""
    return parse_links(read(f"/proc/{pid}/net/dev"))


def parse_links(text: str) -> tuple[Traffic, ...]:
    """Read /proc/PID/net/dev."""
    found = []
    for line in text.splitlines()[2:]:
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and name.strip() != "lo" and len(words) >= 9:
            found.append(Traffic(name.strip(), int(words[0]), int(words[8])))
    return tuple(found)
