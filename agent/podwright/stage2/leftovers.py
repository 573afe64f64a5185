# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""End what an app left behind when its program ended, so that its next life begins clean.

It is found by the app's cgroup, which nothing of the app can leave. Where the kernel has no
`cgroup.kill` (v1), new processes are barred meanwhile, so that no fork bomb is faster than we
are; a pid is only used through a descriptor that was opened before it was seen in the cgroup
again, so that nobody else can be meant by it.
"""

from __future__ import annotations

import os

from podwright.kernel import signals
from podwright.kernel.step import step
from podwright.stage2.family import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.namespaces.plan import PodPlan

_AT_ONCE = 64
"""Processes whose descriptors are open at the same time."""


class Group:
    """The processes of one app. Descriptors, since PID 1 sees none of the host's files later."""

    def __init__(self, directory: str) -> None:
        self.directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.kill = self._open("cgroup.kill", os.O_WRONLY)
        self.limit = self._open("pids.max", os.O_RDWR) if self.kill < 0 else -1
        self.barred = b""

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(name, flags | os.O_CLOEXEC, dir_fd=self.directory)
        except FileNotFoundError:
            return -1

    def end(self) -> bool:
        """Kill all; True when nothing was left. Else ask again: the killed take a moment."""
        found = processes(self.directory)
        if not found:
            self._bar(False)
            return True
        step("kill")
        if self.kill >= 0:
            os.write(self.kill, b"1")
            return False
        self._bar(True)
        for first in range(0, len(found), _AT_ONCE):
            self._kill(found[first : first + _AT_ONCE])
        return False

    def _kill(self, pids: list[int]) -> None:
        opened = []
        for pid in pids:
            try:
                opened.append((pid, os.pidfd_open(pid)))
            except OSError:
                continue  # it has ended
        members = frozenset(processes(self.directory))
        for pid, fd in opened:
            try:
                if pid in members:
                    signals.pidfd_send_signal(fd, signals.SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(fd)

    def _bar(self, wanted: bool) -> None:
        """Allow the app no new process, or as many as before."""
        if self.limit < 0 or wanted == bool(self.barred):
            return
        if wanted:
            self.barred = os.pread(self.limit, 64, 0).strip()
            os.write(self.limit, b"0")
        else:
            os.write(self.limit, self.barred)
            self.barred = b""


def open_groups(plan: PodPlan, group: PodCgroup) -> dict[str, Group]:
    """The groups of all apps; without a cgroup there is none."""
    found = {}
    for app in plan.apps:
        directory = directory_of(group.app_files(app.name))
        if directory is not None:
            found[app.name] = Group(directory)
    return found


def directory_of(files: list[str]) -> Optional[str]:
    """The cgroup, of those that these files belong to, where processes can be barred if in any."""
    found = [os.path.dirname(path) for path in files]
    for directory in found:
        if os.path.exists(f"{directory}/pids.max"):
            return directory
    return found[0] if found else None
