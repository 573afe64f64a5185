# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descendants of a process that outlive their parents: adopt them, find them, end them.

For pods without a pid namespace, where the kernel does not end what an app leaves behind. A
child keeps its pid until it is waited for, so no other process can be meant by it.
"""

from __future__ import annotations

import os

from podwright.kernel import calls, signals
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def adopt(wanted: bool) -> None:
    """Become, or stop being, the parent of descendants whose own parent ends (prctl(2))."""
    calls.libc("prctl", _SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def signal_with_parent(number: int) -> None:
    """Get a signal when the thread that forked us ends. The caller checks for the race."""
    calls.libc("prctl", _SET_PDEATHSIG, number, 0, 0, 0)


def children(proc: int) -> frozenset[int]:
    """Our children, ended ones too; `proc` is open on the /proc of our pid namespace.

    A descendant that has not been waited for has an ancestor that is our child and stays it, so
    an empty answer means that there is none.
    """
    us = os.getpid()
    return frozenset(int(name) for name in os.listdir(proc) if _parent(proc, name) == us)


def _parent(proc: int, name: str) -> int:
    if not name.isdigit():
        return 0
    try:
        fd = os.open(f"{name}/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 4096).rpartition(b")")[2].split()[1])
    except ProcessLookupError:
        return 0
    finally:
        os.close(fd)


def end(proc: int, spared: Collection[int] = ()) -> None:
    """Kill all descendants but those below `spared` children, generation by generation."""
    while True:
        found = children(proc).difference(spared)
        if not found:
            return
        step("kill")
        for pid in found:
            os.kill(pid, signals.SIGKILL)
        for pid in found:
            os.waitpid(pid, 0)
