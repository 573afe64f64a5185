# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which links count in a path of the host that a pod is given: a volume's source, a secret's file.

Who owns a link says nothing: what a pod's root makes on a volume belongs to the host's root. So only
places count that no pod is given: a link that stands directly in one of `SYSTEM`, or in the
kernel's own /dev. `followLinks` is an operator's word that no pod can write on the way; a link
that others than root can change is refused even then. What a magic link (`/proc/PID/root`) leads
to is never taken.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.kernel import beneath, mountinfo, mounts
from podwright.kernel.calls import CallError
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FEW_LINKS = 40
"""As many as the kernel follows (path_resolution(7))."""
SYSTEM = ("/", "/etc", "/run", "/usr", "/var")
"""Directories whose own links are followed, but not those below."""
DEVICES = "/dev"
"""Where links are followed at any depth, when it is a devtmpfs."""


class Refused(Exception):
    """A path that is there, but is not taken: (what, hint)."""


@value
class Link:
    """A link that was followed: its path, and all directories above it, as (device, inode)."""

    shown: str
    places: frozenset[tuple[int, int]]


def resolve(path: str, *, follow_links: bool = False, seen: Optional[list[Link]] = None) -> int:
    """Open a path of the host by O_PATH; the links that were followed are added to `seen`.

    Raises OSError, or Refused for a link that does not count.
    """
    try:
        return beneath.open_at(
            mounts.AT_FDCWD, path, beneath.PATH, beneath.NO_SYMLINKS | beneath.NO_MAGICLINKS
        )
    except CallError as err:
        if err.errno != errno.ELOOP:
            raise
    walk = _Walk(follow_links)
    fd = walk.open(path)
    if seen is not None:
        seen += walk.links
    return fd


class _Walk:
    """Resolution by hand, one element at a time, of a path with links."""

    def __init__(self, follow_links: bool) -> None:
        self.links: list[Link] = []
        self._follow_links = follow_links
        self._where = ""
        self._open: list[int] = []

    def open(self, path: str) -> int:
        """The descriptor of what the path leads to."""
        self._open = [os.open("/", beneath.DIRECTORY)]
        try:
            self._walk(path)
            return self._open.pop()
        finally:
            for fd in self._open:
                os.close(fd)

    def _walk(self, path: str) -> None:
        left = path.split("/")[::-1]
        while left:
            name = left.pop()
            if name == "..":
                self._up()
            elif name not in ("", "."):
                left += self._element(name)

    def _up(self) -> None:
        if len(self._open) > 1:
            os.close(self._open.pop())
            self._where = self._where.rpartition("/")[0]

    def _element(self, name: str) -> list[str]:
        """Step to `name`; what is left to walk when it is a link, last first."""
        here = self._open[-1]
        flags = beneath.PATH | os.O_NOFOLLOW
        fd = os.open(name, flags, dir_fd=here)
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            self._open.append(fd)
            self._where += f"/{name}"
            return []
        try:
            target = self._target(here, fd, name)
        finally:
            os.close(fd)
        if target.startswith("/"):
            while len(self._open) > 1:
                self._up()
        return target.split("/")[::-1]

    def _target(self, here: int, link: int, name: str) -> str:
        if len(self.links) == FEW_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        shown = safe(f"{self._where}/{name}", 120)
        target = os.readlink("", dir_fd=link)
        own = self._is_systems(here)
        if not (own or self._follow_links):
            raise Refused(
                f"{shown} is a link to {safe(target, 120)}",
                "name the place it leads to; a volume can have followLinks where no pod writes",
            )
        if _is_others(here, link, sticky=not own):
            raise Refused(f"{shown} is a link that others than root can change", _NAME_IT)
        if not target or _is_magic(here, name):
            raise Refused(f"{shown} is no ordinary link", _NAME_IT)
        found = [os.fstat(fd) for fd in self._open]
        self.links.append(Link(shown, frozenset((each.st_dev, each.st_ino) for each in found)))
        return target

    def _is_systems(self, here: int) -> bool:
        if (self._where or "/") in SYSTEM:
            return True
        if self._where != DEVICES and not self._where.startswith(f"{DEVICES}/"):
            return False
        fields = mountinfo.of(here)
        return fields[4] == DEVICES and fields[fields.index("-") + 1] == "devtmpfs"


_NAME_IT = "name the place it leads to"


def _is_others(here: int, link: int, *, sticky: bool) -> bool:
    """Whether others can change a link; `sticky`: a directory may be one of everybody's."""
    directory = os.fstat(here)
    kept = sticky and directory.st_mode & stat.S_ISVTX
    open_to_others = directory.st_mode & 0o022 and not kept
    return bool(os.fstat(link).st_uid or directory.st_uid or open_to_others)


def _is_magic(here: int, name: str) -> bool:
    """Whether the kernel takes a link for a magic one (or cannot follow it for another reason)."""
    try:
        os.close(beneath.open_at(here, name, beneath.PATH, beneath.NO_MAGICLINKS))
    except CallError as err:
        return err.errno == errno.ELOOP
    return False
