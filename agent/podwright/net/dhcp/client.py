# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a client, start it in a pod's namespaces, and wait for its first lease."""

from __future__ import annotations

import fcntl
import os
import select
import time

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.kernel import fs
from podwright.net.dhcp import EVENT_FD, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CLIENTS = (
    ("/usr/sbin/udhcpc",),
    ("/sbin/udhcpc",),
    ("/usr/bin/udhcpc",),
    ("/usr/bin/busybox", "udhcpc"),
    ("/bin/busybox", "udhcpc"),
    ("/usr/sbin/busybox", "udhcpc"),
    ("/sbin/busybox", "udhcpc"),
)
DISCOVERS = 10
"""Requests without an answer, one per second, until there is none; then a pause, and again."""
PAUSE = 10
SECONDS = 60.0
"""Until a client that has said nothing at all, on a loaded host, is given up."""


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
    command: tuple[str, ...],
    link: str,
    options: tuple[str, ...],
    priority: int,
    pid: int,
    netns: int,
    place: str,
) -> int:
    """Start it on a link of the pod; returns a descriptor on which it tells what has happened.

    priority   metric of the routes that it brings back with a lease
    pid        the pod's PID 1
    place      a directory of ours: over it, out of everybody's sight, its root is mounted
    """
    argv = [*command, "-f", "-i", link, "-s", inside.EVENT, "-t", str(DISCOVERS), "-T", "1"]
    argv += ["-A", str(PAUSE), *options]
    pidns = _pid_namespace(pid)
    answers, into = os.pipe2(os.O_CLOEXEC)
    trouble, told = os.pipe2(os.O_CLOEXEC)
    told = _above(told)
    child = os.fork()
    if child == 0:
        try:
            inside.enter(netns, pidns, place)
            inside.become(argv, priority, into, told)
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
