# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts by descriptor (Linux 5.12): made detached, given their attributes, then attached.

A mount is attached to a descriptor that was resolved once, never to a path that an image or
another pod can change in between (runc CVE-2021-30465, CVE-2025-31133; threats.md T64, T65).
"""

from __future__ import annotations

import ctypes
import errno
import os

from podwright.kernel import calls
from podwright.kernel.calls import CallError

RDONLY = 1
NOSUID = 2
NODEV = 4
NOEXEC = 8

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
AT_SYMLINK_NOFOLLOW = 0x100
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MNT_DETACH = 2

_IDMAP = 0x00100000
_TREE_CLONE = 1
_CLOEXEC = 0x80000
_F_EMPTY_PATH = 0x4
_T_EMPTY_PATH = 0x40
_SET_FLAG = 0
_SET_STRING = 1
_CREATE = 6


class _Attributes(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = [
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    ]


def make_private(path: str = "/", propagation: int = MS_PRIVATE) -> None:
    """Cut the mount tree at `path` off from every other mount namespace.

    propagation  MS_SLAVE: mounts made elsewhere still show up here, but none the other way
    """
    calls.libc("mount", None, os.fsencode(path), None, MS_REC | propagation, None)


LABELLED = ("tmpfs", "devpts", "overlay")
"""File systems whose files have no labels of their own that were worth keeping."""
_label = ""


def label_with(context: str) -> None:
    """From here on this process gives what it mounts of `LABELLED` an SELinux context."""
    global _label
    _label = context


def filesystem(fstype: str, options: tuple[tuple[str, str], ...], attributes: int) -> int:
    """Make a new file system and a detached mount of it; returns the mount's descriptor.

    An option with an empty value is a flag. Raises CallError (ENODEV: not in this kernel).
    """
    if _label and fstype in LABELLED:
        options = (*options, ("context", _label))
    context = calls.syscall("fsopen", calls.FSOPEN, fstype.encode(), 1)
    try:
        for key, text in options:
            kind, data = (_SET_STRING, os.fsencode(text)) if text else (_SET_FLAG, None)
            calls.syscall("fsconfig", calls.FSCONFIG, context, kind, key.encode(), data, 0)
        calls.syscall("fsconfig", calls.FSCONFIG, context, _CREATE, None, None, 0)
        return calls.syscall("fsmount", calls.FSMOUNT, context, 1, attributes)
    finally:
        os.close(context)


def overlay(lowers: tuple[str, ...], options: tuple[tuple[str, str], ...], place: str) -> int:
    """A detached overlayfs mount without device files, `lowers` top first.

    lowers   short paths without colons: /proc/self/fd/N
    options  further options, as for `filesystem`
    place    a directory to mount on for a moment, see `overlay_by_name`
    Raises CallError.
    """
    if len(lowers) == 1:
        return filesystem("overlay", (("lowerdir", lowers[0]), *options), NODEV)
    try:
        return filesystem("overlay", (*(("lowerdir+", path) for path in lowers), *options), NODEV)
    except CallError as err:
        if err.errno != errno.EINVAL or b"lowerdir+" not in err.call.encode():
            raise
    return overlay_by_name(lowers, options, place)


def overlay_by_name(
    lowers: tuple[str, ...], options: tuple[tuple[str, str], ...], place: str
) -> int:
    """The same for kernels before 6.7, which cannot be given the lower directories one by one.

    fsconfig(2) takes 255 bytes for all their names, mount(2) a page, but needs a place to mount on.
    """
    named = (("lowerdir", ":".join(lowers)), *options)
    data = ",".join(f"{key}={text}" if text else key for key, text in named)
    if _label:
        data += f',context="{_label}"'
    calls.libc("mount", b"overlay", os.fsencode(place), b"overlay", NODEV, data.encode())
    try:
        return clone(AT_FDCWD, place)
    finally:
        calls.libc("umount2", os.fsencode(place), MNT_DETACH)


def clone(
    dir_fd: int,
    path: str,
    *,
    recursive: bool = False,
    follow: bool = False,
    propagation: int = MS_PRIVATE,
) -> int:
    """Make a detached copy of the mount at `path` below `dir_fd` ("" = at dir_fd itself).

    A final symbolic link is not followed unless `follow` says so. The copy is private, unless
    `propagation` says MS_SLAVE.
    """
    flags = _TREE_CLONE | _CLOEXEC | (AT_RECURSIVE if recursive else 0)
    flags |= 0 if follow else AT_SYMLINK_NOFOLLOW
    flags |= 0 if path else AT_EMPTY_PATH
    tree = calls.syscall("open_tree", calls.OPEN_TREE, dir_fd, os.fsencode(path), flags)
    attributes = _Attributes(0, 0, propagation, 0)
    _setattr(tree, attributes, recursive)
    return tree


def restrict(mount: int, attributes: int, *, recursive: bool = False) -> None:
    """Add attributes (RDONLY, NOSUID, ...) to a mount and, when recursive, to those below it."""
    _setattr(mount, _Attributes(attributes, 0, 0, 0), recursive)


def idmap(mount: int, users: int, *, recursive: bool = False) -> None:
    """Show a detached mount's owners as the user namespace `users` is open on maps them.

    Raises CallError: EINVAL where its file system cannot, EPERM where it is done already.
    """
    _setattr(mount, _Attributes(_IDMAP, 0, 0, users), recursive)


def _setattr(mount: int, attributes: _Attributes, recursive: bool) -> None:
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    size = ctypes.sizeof(attributes)
    calls.syscall("mount_setattr", calls.MOUNT_SETATTR, mount, b"", flags, attributes, size)


def attach(mount: int, target: int) -> None:
    """Attach a detached mount on top of the file or directory that `target` is open on."""
    flags = _F_EMPTY_PATH | _T_EMPTY_PATH
    calls.syscall("move_mount", calls.MOVE_MOUNT, mount, b"", target, b"", flags)


def detach_here() -> bool:
    """Detach the mount whose root is our working directory; False when that is no mount."""
    try:
        calls.libc("umount2", b".", MNT_DETACH)
    except CallError as err:
        if err.errno != errno.EINVAL:
            raise
        return False
    return True


def enter_root(root: int) -> None:
    """Make the mount that `root` is open on the root, and detach the old one (pivot_root(2)).

    Both go to the same place, so that no directory for the old root is needed.
    """
    os.fchdir(root)
    calls.libc("pivot_root", b".", b".")
    calls.libc("umount2", b".", MNT_DETACH)
    os.chdir("/")


def enter_inherited_root(root: int) -> None:
    """The same in mounts that came from another user namespace.

    None of those can be moved alone (mount_namespaces(7)), so it is a copy of them that becomes
    the root; what is mounted in it stays as it is all the same.
    """
    copy = clone(root, "", recursive=True, propagation=0)
    attach(copy, root)
    enter_root(copy)
    os.close(copy)


def leave_first_root() -> None:
    """Make a bind mount of / our root instead of the kernel's first one, from which no process
    could change to another root (pivot_root(2)); for the first process of a machine."""
    root = clone(AT_FDCWD, "/")
    place = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    attach(root, place)
    os.close(place)
    os.fchdir(root)
    calls.libc("chroot", b".")
    os.close(root)
