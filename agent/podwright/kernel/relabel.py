# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give files an SELinux context: a whole tree, by descriptor, never through a link or into another mount.

The context is the extended attribute security.selinux; whether the policy knows it is for the
kernel to say where SELinux is on.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright.kernel import beneath
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

ATTRIBUTE = "security.selinux"
INSIDE = beneath.BENEATH | beneath.NO_MAGICLINKS | beneath.NO_XDEV
LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
NEVER = (
    *("/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp"),
    *("/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/local", "/usr/share"),
    *("/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool", "/var/tmp"),
)
"""Directories of the host itself: with another label, nothing else on the host could use them."""
BELOW = (
    *(
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/proc",
        "/sbin",
        "/sys",
    ),
    *(
        "/usr",
        "/var/lib/podwright",
        "/var/lib/dpkg",
        "/var/lib/rpm",
        "/run/podwright",
        "/run/systemd",
    ),
)
"""All that is below these is the host's, or the agent's; but what is below /usr/local/*."""


def label_of(path: str) -> str:
    """The context of a file, "" when it has none; a link's own."""
    try:
        raw = os.getxattr(path, ATTRIBUTE, follow_symlinks=path.startswith("/proc/self/fd/"))
    except OSError as err:
        if err.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return ""
        raise
    return raw.rstrip(b"\0").decode("utf-8", "backslashreplace")


def belongs_to_host(top: int) -> Optional[str]:
    """Which of the host's own directories `top` is open on, whatever name led there."""
    found = os.fstat(top)
    for path in NEVER:
        try:
            other = os.stat(path)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (other.st_dev, other.st_ino):
            return path
    return None


def within_hosts(path: str) -> Optional[str]:
    """Which of the host's own directories a path is in, once its links are followed."""
    path = os.path.realpath(path)
    if path.startswith("/usr/local/"):
        return None
    return next((top for top in BELOW if f"{path}/".startswith(f"{top}/")), None)


def relabel(top: int, context: str) -> int:
    """Give what `top` is open on, and all below it, a context; how many files were changed.

    Files that have it are left alone. `top` comes last: when it has the context, all has, unless
    something was added later. Raises OSError, the first time that a file refuses.
    """
    changed = 0
    waiting = [""] if stat.S_ISDIR(os.fstat(top).st_mode) else []
    while waiting:
        path = waiting.pop()
        directory = _open(top, path or ".", LISTED)
        if directory is None:
            continue
        try:
            for name in os.listdir(directory):
                done, is_directory = _entry(directory, name, context)
                changed += done
                if is_directory:
                    waiting.append(f"{path}/{name}" if path else name)
        finally:
            os.close(directory)
    return changed + _one(top, context)


def _entry(directory: int, name: str, context: str) -> tuple[int, bool]:
    """Label one entry; (files changed, whether it is a directory to go on with)."""
    fd = _open(directory, name, beneath.PATH | os.O_NOFOLLOW)
    if fd is None:
        return 0, False
    try:
        return _one(fd, context), stat.S_ISDIR(os.fstat(fd).st_mode)
    finally:
        os.close(fd)


def _open(directory: int, path: str, flags: int) -> Optional[int]:
    """Open an entry; None for one that is gone, has become a link, or is another mount."""
    try:
        return beneath.open_at(directory, path, flags, INSIDE | beneath.NO_SYMLINKS * _deep(path))
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
            return None
        raise


def _deep(path: str) -> int:
    """A last component may be a link, which is then opened itself; those before it may not."""
    return int("/" in path)


def _one(fd: int, context: str) -> int:
    path = f"/proc/self/fd/{fd}"  # the one name that works for links and sockets as well
    if label_of(path) == context:
        return 0
    step("setxattr")
    os.setxattr(path, ATTRIBUTE, context.encode() + b"\0")
    return 1
