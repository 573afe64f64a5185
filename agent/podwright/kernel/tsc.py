# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the processor's time stamp counter counts, for machines that count with it under emulation.

QEMU's emulation passes the host's counter on and says nothing about it, and the smallest machines have no other
clock to measure it by: a kernel that fails to (it tries once, against a chip that is emulated, too) stands
still for ever.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
_READ = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"
_LONG = 0.002
"""Seconds of a measurement: right to some parts in a million."""
_TRIES = 5


def khz() -> int:
    """Thousands of ticks in a second; 0 where there is no such counter, or it cannot be read."""
    if os.uname().machine != "x86_64":
        return 0
    try:
        return _measured()
    except OSError:  # no memory may be executed here
        return _told()


def _measured() -> int:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(_READ)
    view = ctypes.c_char.from_buffer(page)
    try:
        read = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(view))
        began, first = _point(read)
        time.sleep(_LONG)
        ended, last = _point(read)
    finally:
        del view
        page.close()
    return (last - first) * 1_000_000 // (ended - began)


def _point(read: Callable[[], int]) -> tuple[int, int]:
    """A time (nanoseconds) and what the counter was then: the closest of some tries."""
    best = (1 << 62, 0, 0)
    for _ in range(_TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        ticks = read()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        best = min(best, (after - before, (before + after) // 2, ticks))
    return best[1:]


def _told() -> int:
    """What the kernel shows of the first processor."""
    with open("/proc/cpuinfo") as file:
        for line in file:
            name, _, text = line.partition(":")
            if name.strip() == "cpu MHz":
                return int(float(text) * 1000)
    return 0
