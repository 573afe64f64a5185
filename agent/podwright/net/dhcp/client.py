# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start the client in a pod's namespaces, and wait for its first lease.

It is a process of the pod's PID namespace, so that the kernel ends it with the pod, however that ends.
It is not one of the pod's otherwise: it sees a root of its own with programs only, read-only,
and has the capabilities of its work and no others. A pod whose apps may trace processes
(CAP_SYS_PTRACE) could take it over, and would win its own network and a view of /usr.
"""

from __future__ import annotations

import fcntl
import os
import select
import time

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.host.distpackages import TREE
from podwright.kernel import fs, mounts, process, signals
from podwright.kernel.process import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

CLIENTS = (
    ("/usr/sbin/udhcpc",),
    ("/sbin/udhcpc",),
    ("/usr/bin/udhcpc",),
    ("/usr/bin/busybox", "udhcpc"),
    ("/bin/busybox", "udhcpc"),
    ("/usr/sbin/busybox", "udhcpc"),
    ("/sbin/busybox", "udhcpc"),
)
PYTHON = "/usr/bin/python3"
SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""What programs need of the host's root, as far as it is there."""
DISCOVERS = 10
"""Requests without an answer, one per second, until there is none; then a pause, and again."""
PAUSE = 10
SECONDS = 60.0
"""Until a client that has said nothing at all, on a loaded host, is given up."""
EVENT_FD = 9
"""Lower ones are used by the client itself."""
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


def find() -> tuple[str, ...]:
    """The command of a client of this host. Raises NetworkError when there is none."""
    for command in CLIENTS:
        if os.access(command[0], os.X_OK) and (len(command) == 1 or _has_applet(command[0])):
            return command
    raise NetworkError(
        "dhcp: there is no client on this host",
        "install the package udhcpc, or a busybox that has it",
        object="udhcpc",
        reason="missing-program",
    )


def _has_applet(busybox: str) -> bool:
    answers, into = os.pipe2(os.O_CLOEXEC)
    pid = os.posix_spawn(
        busybox, [busybox, "--list"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, into, 1)]
    )
    os.close(into)
    with open(answers, "rb") as file:
        names = file.read(1 << 16).split()
    os.waitpid(pid, 0)
    return b"udhcpc" in names


def start(
    command: tuple[str, ...], link: str, options: tuple[str, ...], pid: int, netns: int, place: str
) -> int:
    """Start it on a link of the pod; returns a descriptor on which it tells what has happened.

    pid    the pod's PID 1
    place  a directory of ours: over it, out of everybody's sight, its root is mounted
    """
    argv = [*command, "-f", "-i", link, "-s", EVENT, "-t", str(DISCOVERS), "-T", "1"]
    argv += ["-A", str(PAUSE), *options]
    pidns = _pid_namespace(pid)
    answers, into = os.pipe2(os.O_CLOEXEC)
    trouble, told = os.pipe2(os.O_CLOEXEC)
    told = _above(told)
    child = os.fork()
    if child == 0:
        try:
            _enter(netns, pidns, place)
            _become(argv, into, told)
        except BaseException as err:
            fs.write_all(told, str(err).encode()[:1000])
        finally:
            os._exit(1)
    for fd in (pidns, into, told):
        os.close(fd)
    with open(trouble, "rb") as file:
        said = file.read(1000).decode("utf-8", "replace")
    os.waitpid(child, 0)
    if said:
        os.close(answers)
        raise NetworkError(f"dhcp: the client cannot be started on {link}: {said}", object=link)
    return answers


def _above(fd: int) -> int:
    """The same descriptor with a number that is not the one for events."""
    found = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, EVENT_FD + 1)
    os.close(fd)
    return found


def _pid_namespace(pid: int) -> int:
    fd = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    if os.path.samestat(os.fstat(fd), os.stat("/proc/self/ns/pid")):
        os.close(fd)
        raise NetworkError(
            "dhcp: the pod has no PID namespace of its own, with which its client would end",
            "use a pod with one",
        )
    return fd


def _enter(netns: int, pidns: int, place: str) -> None:
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


def _become(argv: list[str], into: int, told: int) -> NoReturn:
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
    os.execve(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})


def _limit() -> None:
    """Keep the capabilities of the work, also for what it executes."""
    for number in range(LAST_CAPABILITY + 1):
        if not CAPABILITIES >> number & 1:
            try:
                process.drop_bounding(number)
            except OSError:
                break  # the kernel knows no more
    process.set_capabilities(CAPABILITIES)


def first(answers: int, link: str) -> dict[str, str]:
    """What the client says of its first lease. Raises NetworkError when there is none in time."""
    deadline = time.monotonic() + SECONDS
    text = b""
    while True:
        line, newline, rest = text.partition(b"\n")
        if newline:
            text = rest
            said = _event(line)
            if said.get("event") == "bound":
                return said
            if said.get("event") == "leasefail":
                raise NetworkError(
                    f"dhcp: no server on the network of {link} gives an address",
                    "see whether one is there, and has any left",
                    object=link,
                    reason="no-lease",
                )
            continue
        if not select.select([answers], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise NetworkError(
                f"dhcp: no address on {link} after {SECONDS:.0f} s", object=link, reason="no-lease"
            )
        piece = os.read(answers, 65536)
        if not piece:
            raise NetworkError(f"dhcp: the client on {link} ended before it had an address")
        text += piece


def _event(line: bytes) -> dict[str, str]:
    try:
        raw: Any = jsonio.loads(line, "dhcp event")
    except UsageError:
        return {}
    return {str(key): str(text) for key, text in raw.items()} if isinstance(raw, dict) else {}
