# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile `system`: how the first process of an app becomes PID 1 of an init of its own.

It is born in a pid namespace of its own, below the pod's. While it still is in the pod's user
namespace it mounts a /proc of that pid namespace, /run and /tmp, and covers what of /proc is covered in
every app. Then it goes on into a second user namespace, with the same ids, which owns its mounts,
control groups, host name and IPC, and nothing else: all mounts made before are locked there
(mount_namespaces(7)), so an app with CAP_SYS_ADMIN cannot uncover anything, and the pod's network
is not its own to configure. Each life of the app begins with new namespaces; what is entered joins them.

Only loaded for such pods.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel import beneath, calls, fs, mounts, process
from podwright.kernel.step import step
from podwright.stage1.namespaces import views
from podwright.stage2.app import Spaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.stage1.namespaces.plan import AppPlan

CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "ppc64le": 120, "s390x": 120}
_CLONE_PARENT = 0x8000
OWN = (
    process.CLONE_NEWUSER
    | process.CLONE_NEWNS
    | process.CLONE_NEWCGROUP
    | process.CLONE_NEWUTS
    | process.CLONE_NEWIPC
)
KINDS = (
    ("pid", process.CLONE_NEWPID),
    ("user", process.CLONE_NEWUSER),
    ("uts", process.CLONE_NEWUTS),
    ("ipc", process.CLONE_NEWIPC),
    ("cgroup", process.CLONE_NEWCGROUP),
    ("mnt", process.CLONE_NEWNS),
)
"""In the order in which they are joined: whose pid namespace it is belongs to the pod's users."""
MEMORY = (("run", "0755", "20%"), ("tmp", "1777", "20%"))
"""Directories in memory (systemd's container interface): name, mode, most of the host's memory."""


class System(Spaces):
    """The namespaces of one life. `begin` makes new ones only for the main program, see `renew`."""

    def __init__(self, count: int) -> None:
        super().__init__(*KINDS)
        self.count = count
        self._fresh = False

    def renew(self) -> None:
        """The next process begins a life."""
        self.close()
        self._fresh = True

    def begin(self) -> Optional[_socket.socket]:
        """As in all apps; but nothing else than the main program can be the first."""
        self.settle()
        if not self.fds and not self._fresh:
            raise OSError(errno.ESRCH, "its init is not running")
        self._fresh = False
        return super().begin()

    def descend(self, first: bool, born: int) -> None:
        """In a child of PID 1: go on as another child of PID 1, in the pid namespace of this life.

        A process cannot change its pid namespace, and PID 1 has to be the parent of what it reaps.
        So the child only begets another one, tells PID 1 its number through `born`, and ends.
        """
        flags = _CLONE_PARENT
        if first:
            flags |= process.CLONE_NEWPID
        else:
            process.setns(self.fds[0], process.CLONE_NEWPID)
        number = CLONE[os.uname().machine]
        arguments = (0, flags) if os.uname().machine == "s390x" else (flags, 0)
        pid = calls.syscall("clone", number, *arguments, 0, 0, 0)
        if pid:
            os.write(born, str(pid).encode())
            os._exit(0)
        os.close(born)

    def join(self) -> None:
        """In the child, which is in the pid namespace: go where the app's other processes are."""
        for fd, (_, flag) in zip(self.fds[1:], self.kinds[1:]):
            process.setns(fd, flag)

    def enter(self, root: str, plan: AppPlan, channel: _socket.socket) -> int:
        """In the first process: make everything, and be in the app's own root; a descriptor of it."""
        process.unshare(process.CLONE_NEWNS)
        place = os.open(root, beneath.DIRECTORY)
        _furnish(place, plan)
        os.close(place)
        self._own_users(f"{root}/proc/1")
        place = os.open(root, beneath.DIRECTORY)
        os.fchdir(place)
        mounts.enter_inherited_root(place)
        os.close(place)
        here = os.open("/", beneath.DIRECTORY)
        views.show_groups(here, read_only=False)
        self.hand_over(channel)
        return here

    def _own_users(self, proc: str) -> None:
        """Go on in a user namespace of the same ids. A child that stays behind has to map them.

        proc   ours, as PID 1, in the /proc that was just mounted
        """
        process.show_to_peers()  # our own files in /proc belong to us then; nobody else is here yet
        ready, told = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.close(told)
                os.read(ready, 1)
                for name in ("uid_map", "gid_map"):
                    _write(f"{proc}/{name}", f"0 0 {self.count}\n")
                os._exit(0)
            finally:
                os._exit(1)
        process.unshare(OWN)
        os.close(told)
        os.close(ready)
        _, status = os.waitpid(pid, 0)
        if status:
            raise OSError(errno.EPERM, "its user namespace cannot be given its ids")
        process.hide_from_peers()


def _furnish(root: int, plan: AppPlan) -> None:
    """Mount what belongs to this life: /proc of its pid namespace, /run and /tmp."""
    views.own_proc(root, plan)
    places = [bind.where.strip("/") for bind in plan.binds]
    for name, mode, size in MEMORY:
        if name not in places:
            below = [place for place in places if place.startswith(f"{name}/")]
            _memory(root, name, mode, size, below)


def _memory(root: int, name: str, mode: str, size: str, below: list[str]) -> None:
    """A directory in memory; what the pod has mounted below it appears in there."""
    target = beneath.open_strict(root, name, beneath.DIRECTORY)
    if name == "run" and os.access("secrets", os.F_OK, dir_fd=target):
        below = [*below, "run/secrets"]
    kept = [(place[len(name) + 1 :], mounts.clone(root, place, recursive=True)) for place in below]
    options = (("mode", mode), ("size", size))
    memory = mounts.filesystem("tmpfs", options, mounts.NOSUID | mounts.NODEV)
    mounts.attach(memory, target)
    os.close(target)
    if name == "run":
        fs.mkdir("lock", 0o1777, dir_fd=memory)
    for place, mount in kept:
        os.close(beneath.make_dirs(memory, place))
        views.attach_at(memory, place, mount)
    os.close(memory)


def _write(path: str, text: str) -> None:
    step("write")
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
