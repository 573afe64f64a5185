# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run commands, and make sockets, in the namespaces of another process."""

from __future__ import annotations

import concurrent.futures
import ctypes
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

CLONE_NEWNET = 0x40000000
UNSHARE = [
    "unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child", "--mount-proc",
    "--propagation", "private",
]  # fmt: skip
"""A new machine as far as namespaces go; no mount of it reaches the real one."""

LOCAL_LINK_UP = "ip link set lo up"
FRESH_SYSFS = "umount --recursive --lazy /sys\nmount -t sysfs sysfs /sys"
"""/sys/class/net shows the network namespace of whoever mounted it. The old one goes, mounts below it included, so that
mountinfo names no cgroup hierarchy twice."""

_libc = ctypes.CDLL(None, use_errno=True)


def nsenter(
    pid: int, command: Sequence[str], directory: str = "/", *, all_namespaces: bool = True
) -> list[str]:
    """Return `command` wrapped to run in the namespaces of `pid`, or only in its network namespace."""
    which = (
        ["--net", "--mount", "--pid", "--ipc", "--uts", "--cgroup"] if all_namespaces else ["--net"]
    )
    return [
        "nsenter",
        "--target",
        str(pid),
        *which,
        *([f"--wdns={directory}"] if all_namespaces else []),
        *command,
    ]


def in_network_of(pid: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Call `make` in the network namespace of `pid`; see `in_network`."""
    return in_network(f"/proc/{pid}/ns/net", make)


def in_network(path: str, make: Callable[[], socket.socket]) -> socket.socket:
    """Call `make` in a network namespace; the socket stays there, while this process does not move.

    setns(2) moves only the calling thread, so the call runs in a thread that ends with it.
    """

    def work() -> socket.socket:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)
        return make()

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def only_child(pid: int) -> int:
    """Return the one child of `pid` (unshare's, after `--fork`)."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
