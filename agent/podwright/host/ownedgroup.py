# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group for one process that joins an app later, below the app's: its limits hold (T72).

Whoever has it made holds a lock on it; the next one removes what nobody holds any more.
"""

from __future__ import annotations

import os

from podwright.host.lock import try_lock
from podwright.kernel.step import step
from podwright.stage2 import family

PREFIX = "enter-"
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OwnedGroup:
    """Made below `directories`, the app's cgroup in each hierarchy in use; `end` it afterwards.

    files    descriptors where a process joins by writing "0"
    kind, family   how its processes are found and killed, and descriptors for it (`stage2.family`)
    """

    def __init__(self, directories: list[str]) -> None:
        self.files: list[int] = []
        self.family: list[int] = []
        self.kind = family.NONE
        self._made: list[tuple[str, int]] = []
        try:
            for directory in directories:
                self._add(directory)
            self._choose()
        except BaseException:
            self.end()
            raise

    def _add(self, above: str) -> None:
        _sweep(above)
        while True:
            path = f"{above}/{PREFIX}{os.urandom(8).hex()}"
            step("mkdir")
            os.mkdir(path, 0o755)
            fd = _locked(path)
            if fd >= 0:
                break
        self._made.append((path, fd))
        # Under v1 a thread that joins by itself through `tasks` spares a grace period.
        name = "cgroup.procs" if os.path.exists(f"{path}/cgroup.events") else "tasks"
        self.files.append(os.open(f"{path}/{name}", os.O_WRONLY | os.O_CLOEXEC))

    def _choose(self) -> None:
        """The hierarchy with the best means to end the processes."""
        for kind, name in ((family.KILL, "cgroup.kill"), (family.BAR, "pids.max")):
            for path, fd in self._made:
                if os.path.exists(f"{path}/{name}"):
                    file = os.open(f"{path}/{name}", os.O_WRONLY | os.O_CLOEXEC)
                    self.kind, self.family = kind, [fd, file]
                    return
        if self._made:
            self.kind, self.family = family.LIST, [self._made[0][1]]

    def end(self) -> None:
        """Remove it where nothing lives in it; what still does goes with the pod."""
        for fd in (*self.files, *self.family[1:]):
            os.close(fd)
        for path, fd in self._made:
            _remove(path)
            os.close(fd)
        self.files, self.family, self._made = [], [], []


def _locked(path: str) -> int:
    """Lock a new cgroup; -1 when somebody has swept it away just before."""
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        return -1
    if try_lock(fd) and os.path.exists(path):
        return fd
    os.close(fd)
    return -1


def _sweep(above: str) -> None:
    """Remove the empty ones that killed clients have left."""
    for name in os.listdir(above):
        if name.startswith(PREFIX):
            try:
                fd = os.open(f"{above}/{name}", _OPEN)
            except FileNotFoundError:
                continue
            if try_lock(fd):
                _remove(f"{above}/{name}")
            os.close(fd)


def _remove(path: str) -> None:
    try:
        step("rmdir")
        os.rmdir(path)
    except OSError:
        return  # busy, or gone
