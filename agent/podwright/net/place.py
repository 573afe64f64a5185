# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease directory: made safely when it is first needed, removed when nobody needs it.

It is one for the whole host (`Layout.net`), since there is one address pool and one firewall
table, whatever the number of data directories.
"""

from __future__ import annotations

import os

from podwright.errors import NetworkError
from podwright.host import ownplace
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
    """Make the directory, and its parent; what is there must be ours alone.

    Raises NetworkError where others can write to them: they could make up leases.
    """
    ownplace.ensure(net_dir, 0o700, NetworkError)


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
