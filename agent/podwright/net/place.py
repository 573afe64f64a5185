# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease directory: made safely when it is first needed, removed when nobody needs it.

It is one for the whole host (`Layout.net`), since there is one address pool and one firewall
table, whatever the number of data directories.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import NetworkError
from podwright.host.lock import HostLock
from podwright.kernel import fs

TRIES = 100


class NetLock(HostLock):
    """The lock under which leases change; entering it makes the directory when it is missing."""

    def __init__(self, net_dir: str, doing: str) -> None:
        super().__init__(f"{net_dir}/lock", doing)
        self._net_dir = net_dir

    def __enter__(self) -> HostLock:
        for _ in range(TRIES):
            try:
                ensure(self._net_dir)
                return super().__enter__()
            except FileNotFoundError:
                continue  # a gc has just removed it
        raise NetworkError(f"{self._net_dir}: disappears again and again", object=self._net_dir)


def ensure(net_dir: str) -> None:
    """Make the directory, mode 0700, and its parent, 0755; what is there must be ours alone.

    Raises NetworkError for a link, for something of another user, or writable for others: they
    could make up leases, which say what belongs to whom.
    """
    for path, mode in ((os.path.dirname(net_dir), 0o755), (net_dir, 0o700)):
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            fs.ensure_dir(path, mode)
            info = os.lstat(path)
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
            raise NetworkError(
                f"{path}: is not a directory that only its owner {os.geteuid()} can write to",
                "find out who made it, and remove it",
                object=path,
                reason="unsafe-directory",
            )


def remove(net_dir: str) -> None:
    """Remove the directory, and its parent when nothing else is in it.

    The caller holds the lock and has seen that there are no leases. The lock goes last: who
    waits for it notices, and whoever makes a new one meanwhile keeps the directory.
    """
    for name in os.listdir(net_dir):
        if name != "lock":
            fs.remove_tree(f"{net_dir}/{name}")
    fs.unlink(f"{net_dir}/lock")
    for path in (net_dir, os.path.dirname(net_dir)):
        if not fs.rmdir_empty(path):
            return
