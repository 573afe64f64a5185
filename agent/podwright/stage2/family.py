# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that was asked for and all that it has started, found by the cgroup made for it.

A pid is only used through a descriptor that was opened before it was seen in the cgroup again.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel import signals
from podwright.kernel.step import step

KILL, BAR, LIST, NONE = "kill", "bar", "list", ""
"""What its client hands over besides the files to join: the directory and cgroup.kill, or pids.max
(v1: nothing else keeps a fork bomb from being faster than we are); only the directory; nothing."""
GONE = (errno.ENOENT, errno.ENODEV)
"""The cgroup was removed by who made it, so that nothing is left in it."""
EXTRA = {KILL: 2, BAR: 2, LIST: 1, NONE: 0}
"""Descriptors of each kind: first the directory, then the file."""


def processes(directory: int) -> list[int]:
    """Who is in the cgroup that a descriptor is open on. Raises OSError when it was removed."""
    # Opened anew: v1 would answer a second reading from what it kept.
    file = os.open("cgroup.procs", os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    data = b""
    try:
        while True:
            piece = os.read(file, 65536)
            if not piece:
                break
            data += piece
    finally:
        os.close(file)
    return [int(line) for line in data.split() if line != b"0"]


class Family:
    """See the module. `pid` is the first of them, 0 when it has been reaped."""

    def __init__(self, pid: int, kind: str, fds: tuple[int, ...]) -> None:
        self.pid = pid
        self.kind = kind
        self.fds = fds

    def members(self) -> set[int]:
        """All of them; without a cgroup only the first."""
        own = {self.pid} if self.pid else set()
        if self.kind == NONE:
            return own
        try:
            return own | set(processes(self.fds[0]))
        except OSError as err:
            if err.errno not in GONE:
                raise
            return own

    def signal(self, number: int) -> None:
        """Signal every one of them."""
        for pid in self.members():
            try:
                pidfd = os.pidfd_open(pid)
            except OSError:
                continue  # it has ended
            try:
                if pid == self.pid or pid in self.members():
                    signals.pidfd_send_signal(pidfd, number)
            except ProcessLookupError:
                continue
            finally:
                os.close(pidfd)

    def kill(self) -> bool:
        """Kill all; whether nothing was left. Else ask again: the killed take a moment."""
        if not self.members():
            return True
        step("kill")
        try:
            if self.kind in (KILL, BAR):
                os.write(self.fds[1], b"1" if self.kind == KILL else b"0")
        except OSError as err:
            if err.errno not in GONE:
                raise
        self.signal(signals.SIGKILL)
        return False

    def close(self) -> None:
        """Let go of the cgroup."""
        for fd in self.fds:
            os.close(fd)
        self.fds, self.kind = (), NONE
