# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""End the processes of a dead pod by its control groups.

For fly pods whose init and parent were killed at once: elsewhere the kernel ends them with the
pid namespace. A pid is signalled only through a descriptor, and only when the group still names
it after that was opened, so a reused pid is never meant (threats.md T89).
"""

from __future__ import annotations

import os
import time

from podwright.host.freezer import members
from podwright.kernel import signals
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE = 5.0
"""Seconds; what does not end by then does not end at all (uninterruptible)."""


def end(directories: Iterable[str]) -> frozenset[int]:
    """Kill every process in these control groups and below, and wait until they are empty.

    Returns those that have not ended in time.
    """
    left: frozenset[int] = frozenset()
    deadline = time.monotonic() + PATIENCE
    for top in directories:
        _bar(top)
        while True:
            found = members(top)
            if not found or time.monotonic() > deadline:
                left |= found
                break
            step("kill")
            for pid in found:
                _kill(top, pid)
            time.sleep(0.005)
    return left


def _bar(top: str) -> None:
    """No new processes, so that no fork bomb is faster; a group without the controller has no bar."""
    try:
        fd = os.open(f"{top}/pids.max", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, b"0")
    finally:
        os.close(fd)


def _kill(top: str, pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if pid in members(top):
            signals.pidfd_send_signal(fd, signals.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(fd)
