# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Landlock: a process takes rights to files, ports and other processes away from itself.

Needs no privilege, only `no_new_privs`. The kernel says which version it has, and a right that is
not named in a ruleset is not restricted: so everything that the version knows is named
(landlock(7), linux/landlock.h).
"""

from __future__ import annotations

import ctypes
import os
import stat

from podwright.kernel import calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GIVE_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""Version of the interface -> rights to files that it added (refer, truncate, device ioctl)."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES = 3
"""Abstract Unix sockets and signals end at the border, from version 6 on."""


class _Attributes(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The version of the kernel's interface; 0 when it has no Landlock, or has it disabled."""
    try:
        return calls.read_only_syscall(
            "landlock_create_ruleset", _CREATE_RULESET, None, 0, _GIVE_VERSION
        )
    except OSError:
        return 0


def missing(found: int) -> tuple[str, ...]:
    """What version `found` of the interface cannot enforce, in words."""
    known = (
        (1, "access to files"),
        (3, "truncation of files"),
        (4, "TCP ports"),
        (6, "signals to others"),
    )
    return tuple(what for since, what in known if found < since)


def restrict(
    read_paths: Iterable[str] = (), *, run_paths: Iterable[str] = (), connect: bool = False
) -> tuple[str, ...]:
    """Leave this thread, for ever, only reading below `read_paths`; no other file system access.

    read_paths  files and directories; those that do not exist are left out
    run_paths   the same, and programs there can be executed
    connect     outgoing TCP connections stay possible; listening never does
    Returns what this kernel cannot enforce. The thread must have `no_new_privs`. Descriptors that
    are open already keep working. Raises CallError.
    """
    found = version()
    if not found:
        return missing(0)
    files = sum(bits for since, bits in _FILE_RIGHTS.items() if since <= found)
    net = _BIND_TCP | (0 if connect else _CONNECT_TCP)
    attributes = _Attributes(files, net if found >= 4 else 0, _SCOPES if found >= 6 else 0)
    size = 24 if found >= 6 else 16 if found >= 4 else 8
    ruleset = calls.syscall("landlock_create_ruleset", _CREATE_RULESET, attributes, size, 0)
    try:
        for path in read_paths:
            _allow(ruleset, path, _READ_FILE)
        for path in run_paths:
            _allow(ruleset, path, _READ_FILE | _EXECUTE)
        calls.syscall("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return missing(found)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be reached needs no permission
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            rights |= _READ_DIR
        rule = _PathBeneath(rights, fd)
        calls.syscall("landlock_add_rule", _ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)
