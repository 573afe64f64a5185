# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a fork before it is the client: namespaces, root, capabilities, descriptors.

It is a process of the pod's PID namespace, so that the kernel ends it with the pod, however that ends.
It is not one of the pod's otherwise: it sees a root of its own with programs only, read-only,
and has the capabilities of its work and no others. A pod whose apps may trace processes
(CAP_SYS_PTRACE) could take it over, and would win its own network and a view of /usr.
"""

from __future__ import annotations

import os

from podwright.host.distpackages import TREE
from podwright.kernel import fs, mounts, process, signals
from podwright.kernel.process import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID
from podwright.net.dhcp import EVENT_FD, PRIORITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PYTHON = "/usr/bin/python3"
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""What programs need of the host's root, as far as it is there."""
CAPABILITIES = 1 << 10 | 1 << 12 | 1 << 13
"""CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW (capabilities(7))."""
LAST_CAPABILITY = 63
EVENT = "/event"
SCRIPT = """#!{python} -ISB
import sys
sys.path.insert(0, {tree!r})
from podwright.net.dhcp.event import main
main(sys.argv)
"""


def enter(netns: int, pidns: int, place: str) -> None:
    """The pod's network, a root of programs only, and for children the pod's PID namespace."""
    process.setns(netns, CLONE_NEWNET)
    process.unshare(CLONE_NEWNS)
    mounts.make_private()
    root = mounts.filesystem(
        "tmpfs", (("mode", "0700"), ("size", "256k")), mounts.NOSUID | mounts.NODEV
    )
    target = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mounts.attach(root, target)
    for name in SYSTEM:
        _show(root, name)
    if not TREE.startswith(("/usr/", "/lib")):
        _bind(root, TREE[1:])
    script = SCRIPT.format(python=PYTHON, tree=TREE).encode()
    fd = os.open(EVENT[1:], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o500, dir_fd=root)
    fs.write_all(fd, script)
    os.close(fd)
    mounts.enter_root(root)
    process.setns(pidns, CLONE_NEWPID)


def _show(root: int, name: str) -> None:
    """A directory of the host's root, or the link that it is to one."""
    path = f"/{name}"
    if os.path.islink(path):
        os.symlink(os.readlink(path), name, dir_fd=root)
    elif os.path.isdir(path):
        _bind(root, name)


def _bind(root: int, path: str) -> None:
    parent = os.dup(root)
    for part in path.split("/"):
        fs.mkdir_missing(part, 0o755, parent)
        below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        os.close(parent)
        parent = below
    tree = mounts.clone(mounts.AT_FDCWD, f"/{path}", follow=True)
    mounts.restrict(tree, mounts.RDONLY | mounts.NOSUID | mounts.NODEV)
    mounts.attach(tree, parent)
    os.close(tree)
    os.close(parent)


def become(argv: list[str], priority: int, into: int, told: int) -> NoReturn:
    """Two processes further, a child of the pod's PID 1 runs the client."""
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        os._exit(0)
    if os.fork():
        os._exit(0)
    os.setsid()
    mask = signals.pthread_sigmask(signals.SIG_BLOCK, ())
    if into != EVENT_FD:
        os.dup2(into, EVENT_FD)
    os.set_inheritable(EVENT_FD, True)
    process.close_all_but(frozenset((EVENT_FD, told)))
    process.no_new_privileges()
    _limit()
    signals.pthread_sigmask(signals.SIG_UNBLOCK, mask)
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    os.execve(argv[0], argv, {"PATH": path, "LC_ALL": "C", PRIORITY: str(priority)})


def _limit() -> None:
    """Keep the capabilities of the work, also for what it executes."""
    for number in range(LAST_CAPABILITY + 1):
        if not CAPABILITIES >> number & 1:
            try:
                process.drop_bounding(number)
            except OSError:
                break  # the kernel knows no more
    process.set_capabilities(CAPABILITIES)
