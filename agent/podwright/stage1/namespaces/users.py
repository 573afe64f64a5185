# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's own user namespace, as its PID 1 makes and enters it (C8, threats.md T70).

PID 1 first stays root of the host, since only that may mount the image and the volumes; all
that it makes for the pod is given to the pod's root nevertheless. When the pod's root is in
place, it becomes the pod's root itself, who is nobody on the host.

On disk, owners are those that the pod sees: what lies on the host is shown through id-mapped
mounts (Linux 5.12).
"""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.kernel import mounts, process
from podwright.kernel.calls import CallError
from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import UserRange

UNMAPPED = (errno.EINVAL, errno.EPERM, errno.ENOSYS)
"""What the kernel answers where a mount cannot be id-mapped."""


class Users:
    """The pod's user namespace, seen from the host.

    mapped   whether the pod's own files are shown through id-mapped mounts, False once that has
             turned out to be impossible
    """

    def __init__(self, wanted: UserRange, fd: int) -> None:
        self.first = wanted.first
        self.count = wanted.count
        self.copies = wanted.copies
        self.mapped = True
        self._fd = fd

    def show(self, mount: int, *, recursive: bool = False) -> bool:
        """Id-map a detached mount; False where that is impossible."""
        try:
            mounts.idmap(mount, self._fd, recursive=recursive)
        except CallError as err:
            if err.errno not in UNMAPPED:
                raise
            return False
        return True

    def show_own(self, mount: int) -> None:
        """The same for what the pod is made of, which may be copied with other owners instead."""
        if self.mapped and not self.show(mount):
            if not self.copies:
                raise LaunchError(
                    "the file system that the pod lies on cannot be id-mapped",
                    "choose another one for the data directory, or say private users: true,"
                    " which copies the image with other owners",
                )
            self.mapped = False

    def shift(self) -> int:
        """What is added to owners on disk: nothing where they are mapped."""
        return 0 if self.mapped else self.first

    def show_volume(self, mount: int, volume: Bind, app: str) -> None:
        """The same for a volume; those of the pod's own may have shifted owners on disk."""
        if volume.kind == "empty" and not self.mapped:
            return
        if not self.show(mount, recursive=volume.recursive):
            raise LaunchError(
                f"app {app}: volume {volume.volume} cannot be id-mapped: the file system of"
                f" {safe(volume.source, 120)}, or one mounted below it, cannot",
                "give the volume idmap: false (its files then belong to nobody the pod knows), or"
                " say private users: false",
                object=app,
            )

    def act(self) -> None:
        """From here on all that we make belongs to the pod's root."""
        process.act_on_files_as(self.first)

    def join(self) -> None:
        """Be in the pod's user namespace, with all capabilities in the pod, as nobody yet."""
        process.setns(self._fd, process.CLONE_NEWUSER)
        os.close(self._fd)

    def enter(self) -> None:
        """Become the pod's root: with all capabilities in the pod, with none outside."""
        self.join()
        os.setgroups(())
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        process.die_with_parent()  # both ended with the change of user
        process.hide_from_peers()


def create(wanted: UserRange, kinds: int) -> Users:
    """Make a user namespace and, belonging to it, namespaces of other kinds, which we join.

    We are the first process of our pid namespace, root of the host, with all signals blocked.
    Raises LaunchError where the host allows no more user namespaces.
    """
    try:
        held = process.Held(process.CLONE_NEWUSER | kinds)
    except CallError as err:
        raise LaunchError(
            f"no user namespace can be made: {err.strerror}",
            "see /proc/sys/user/max_user_namespaces, or say private users: false",
            reason="no-private-users",
        ) from None
    try:
        handle = os.pidfd_open(held.pid)
        proc = f"/proc/{seen_as(handle)}"
        text = f"0 {wanted.first} {wanted.count}\n".encode()
        for name in ("uid_map", "gid_map"):
            _write(f"{proc}/{name}", text)
        fd = os.open(f"{proc}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        process.setns(handle, kinds)
        os.close(handle)
    finally:
        held.end()
    return Users(wanted, fd)


def seen_as(handle: int) -> int:
    """The process that a pidfd is open on, by its number in the host's /proc."""
    with open(f"/proc/self/fdinfo/{handle}", "rb") as file:
        for line in file:
            if line.startswith(b"Pid:"):
                return int(line[4:])
    raise OSError(errno.ESRCH, os.strerror(errno.ESRCH))


def _write(path: str, data: bytes) -> None:
    step("write")
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
