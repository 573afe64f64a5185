# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where something is mounted in an app's root: resolved once, inside it, by descriptor (threats.md T64-T66).

Links of the image are followed as the app would follow them, but only as long as we are on the
app's own root. What lies on any other mount (a volume, the host's /dev in fly) may belong to another
pod or to the host: there no link is followed, and nothing is made unless the operator has put the
target into that very volume. On a mount that is shared with the host nothing is mounted at all, since
it would show up there and stay.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.kernel import beneath, fs, mountinfo
from podwright.kernel.calls import CallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FEW_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""
OWN = beneath.NO_XDEV | beneath.NO_MAGICLINKS
IN_OWN = beneath.IN_ROOT | OWN


def enclosing(where: str, others: Iterable[str]) -> str:
    """The innermost of the other targets that `where` is below, or ""."""
    return max((other for other in others if where.startswith(f"{other}/")), key=len, default="")


def open_target(
    base: int, where: str, inside: str, *, directory: bool, everywhere: bool = False
) -> int:
    """Open `where` below `base`, making what is missing.

    inside      its leading part that a volume is mounted at, "" for none: what is missing below
                may be made in it
    everywhere  `base` holds nothing but mounts of the pod's own, so it may be made in any of them
    Raises OSError for what is in the way; a target that is `base` itself is one.
    """
    names = _names(where)
    try:
        kind = os.O_DIRECTORY if directory else 0
        found = beneath.open_at(
            base, "/".join(names) or ".", beneath.PATH | kind, beneath.IN_ROOT | OWN
        )
    except CallError as err:
        if err.errno not in (errno.ENOENT, errno.EXDEV):
            raise
        tail = len(names) - len(_names(inside)) if inside or everywhere else 0
        walk = _Walk(base, names, directory, tail)
        try:
            found = walk.open()
        finally:
            walk.close()
    if os.path.sameopenfile(found, base):
        os.close(found)
        raise OSError(errno.EBUSY, "leads to the app's root")
    return found


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


class _Walk:
    """Resolution by hand, one element at a time.

    left    names to be walked yet, last first; `asked` of them, at the bottom, are the target's
            own, the others those of a link: what a link leads to is not made
    tail    how many of the last names may be made outside of the base's mount
    """

    def __init__(self, base: int, names: list[str], directory: bool, tail: int) -> None:
        self.left = names[::-1]
        self.asked = len(names)
        self.directory = directory
        self.tail = tail
        self.links = 0
        self.fds = [os.dup(base)]

    def close(self) -> None:
        """Let go of the directories on the way."""
        for fd in self.fds:
            os.close(fd)

    def open(self) -> int:
        """The target's descriptor."""
        while self.left:
            name = self.left[-1]
            if name == "..":
                self._taken()
                self._up()
            elif self._step(name):
                return self._beyond()
        return self.fds.pop()

    def _taken(self) -> None:
        self.left.pop()
        self.asked = min(self.asked, len(self.left))

    def _up(self) -> None:
        if len(self.fds) > 1:
            os.close(self.fds.pop())

    def _step(self, name: str) -> bool:
        """Go on to `name`; whether another mount begins there instead."""
        try:
            fd = self._opened(name)
        except CallError as err:
            if err.errno != errno.EXDEV:
                raise
            return True
        self._taken()
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            try:
                self._follow(os.readlink("", dir_fd=fd))
            finally:
                os.close(fd)
        else:
            self.fds.append(fd)
        return False

    def _opened(self, name: str) -> int:
        """`name` on the base's mount, made when it is missing and was asked for."""
        flags = beneath.PATH | os.O_NOFOLLOW
        try:
            return beneath.open_at(self.fds[-1], name, flags, beneath.BENEATH | OWN)
        except CallError as err:
            if err.errno != errno.ENOENT or len(self.left) > self.asked:
                raise
        self._make(self.fds[-1], name, len(self.left) == 1)
        return beneath.open_at(self.fds[-1], name, flags, beneath.BENEATH | OWN)

    def _follow(self, target: str) -> None:
        self.links += 1
        if self.links > FEW_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith("/"):
            while len(self.fds) > 1:
                self._up()
        self.left += _names(target)[::-1]

    def _make(self, parent: int, name: str, last: bool) -> None:
        if last and not self.directory:
            fs.create_at(parent, name)
        else:
            fs.mkdir_missing(name, 0o755, parent)

    def _beyond(self) -> int:
        """What is left lies on another mount: without any link."""
        while self.left:
            name = self.left[-1]
            try:
                fd = beneath.open_strict(self.fds[-1], name)
            except CallError as err:
                if err.errno != errno.ENOENT or len(self.left) > self.tail:
                    raise
                refuse_shared(self.fds[-1])
                self._make(self.fds[-1], name, len(self.left) == 1)
                fd = beneath.open_strict(self.fds[-1], name)
            self.fds.append(fd)
            self.left.pop()
        refuse_shared(self.fds[-1])
        return self.fds.pop()


def check_shared(base: int, name: str, found: int) -> None:
    """Raise OSError when `found`, which NAME directly below `base` is, was mounted there and is shared."""
    try:
        os.close(beneath.open_at(base, name, beneath.PATH, beneath.STRICT | beneath.NO_XDEV))
    except CallError:
        refuse_shared(found)


def refuse_shared(fd: int) -> None:
    """Raise OSError when what `fd` is open on lies on a mount that others have, too."""
    if _is_shared(fd):
        raise OSError(errno.EXDEV, "lies in a volume with propagation shared")


def _is_shared(fd: int) -> bool:
    """Whether others have the mount, too; one that cannot be found may be anybody's."""
    try:
        found = mountinfo.propagation(mountinfo.of(fd))
    except FileNotFoundError:
        return True
    return any(field.startswith("shared:") for field in found)
