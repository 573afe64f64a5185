# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In pods of the flavour fly, which share all but the label with the host: one holds things, another reaches for them.

    hold DIR        make them, and say where they are in DIR/held
    reach DIR PID   try each of them; one JSON object: what was tried, and `done` or the error's name

Both are root. Where SELinux does not stand in between, everything is done.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
KEY = 0x706F6477
CREATE, SIZE = 0o1000 | 0o666, 4096
STREAM, DATAGRAM = "\0podwright-stream", "\0podwright-datagram"
ATTACH, DETACH = 16, 17
SECRET = "held by the other pod"


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library. Raises OSError."""
    result: int = getattr(LIBC, name)(*arguments)
    if result == -1:
        found = ctypes.get_errno()
        raise OSError(found, os.strerror(found))
    return result


def hold(place: str) -> None:
    """Make one of each, and wait."""
    call("shmget", KEY, SIZE, CREATE)
    call("msgget", KEY, CREATE)
    call("semget", KEY, 1, CREATE)
    stream, datagram = (
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    )
    stream.bind(STREAM)
    stream.listen()
    datagram.bind(DATAGRAM)
    with open(f"{place}/secret", "w") as file:
        file.write(SECRET)
    os.mkfifo(f"{place}/fifo")
    name = socket.socket(socket.AF_UNIX)
    name.bind(f"{place}/socket")
    name.listen()
    with open(f"{place}/held.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"{place}/held.new", f"{place}/held")
    while True:
        time.sleep(3600)


def reads(path: str) -> None:
    with open(path, "rb") as file:
        file.read(16)


def peeks(pid: int) -> None:
    local = ctypes.create_string_buffer(8)

    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    with open(f"/proc/{os.getpid()}/maps") as file:
        start = int(file.readline().split("-")[0], 16)
    here, there = Piece(ctypes.addressof(local), 8), Piece(start, 8)
    try:
        call("process_vm_readv", pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    except OSError as err:
        if err.errno != errno.EFAULT:  # it may look, but there is nothing at that address
            raise


def attaches(pid: int) -> None:
    call("ptrace", ATTACH, pid, None, None)
    os.waitpid(pid, 0x40000000)  # __WALL
    call("ptrace", DETACH, pid, None, None)


def connects(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address)


def sends() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", DATAGRAM)


def writes(path: str) -> None:
    with open(path, "a") as file:
        file.write("")


def opens(path: str) -> None:
    os.close(os.open(path, os.O_RDWR))


def attaches_memory() -> None:
    found = LIBC.shmat(call("shmget", KEY, SIZE, 0o666), None, 0)
    if found in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "shmat")
    LIBC.shmdt(ctypes.c_void_p(found))


def takes_descriptor(pid: int) -> None:
    other = os.pidfd_open(pid)
    os.close(LIBC.syscall(438, other, 0, 0) if LIBC.syscall(438, other, 0, 0) >= 0 else _fail())


def _fail() -> int:
    raise OSError(ctypes.get_errno(), "pidfd_getfd")


def ways(place: str, pid: int) -> dict[str, Callable[[], object]]:
    """What is tried, in this order; the last one ends the other process."""
    return {
        "signal 0": lambda: os.kill(pid, 0),
        "signal continue": lambda: os.kill(pid, signal.SIGCONT),
        "environment": lambda: reads(f"/proc/{pid}/environ"),
        "memory": lambda: reads(f"/proc/{pid}/maps"),
        "memory for writing": lambda: opens(f"/proc/{pid}/mem"),
        "its root": lambda: os.listdir(f"/proc/{pid}/root/"),
        "process_vm_readv": lambda: peeks(pid),
        "ptrace": lambda: attaches(pid),
        "pidfd_getfd": lambda: takes_descriptor(pid),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 1),
        "processors": lambda: os.sched_setaffinity(pid, os.sched_getaffinity(pid)),
        "shared memory": attaches_memory,
        "messages": lambda: call("msgget", KEY, 0o666),
        "semaphores": lambda: call("semget", KEY, 1, 0o666),
        "abstract stream": lambda: connects(STREAM),
        "abstract datagram": sends,
        "its file": lambda: reads(f"{place}/secret"),
        "its file for writing": lambda: writes(f"{place}/secret"),
        "what its file is like": lambda: os.stat(f"{place}/secret"),
        "names of its files": lambda: os.listdir(place),
        "a file beside its": lambda: os.mkdir(f"{place}/new"),
        "its pipe": lambda: opens(f"{place}/fifo"),
        "its socket": lambda: connects(f"{place}/socket"),
        "signal kill": lambda: os.kill(pid, signal.SIGKILL),
    }


def reach(place: str, pid: int) -> None:
    """Try everything and tell."""
    seen = {}
    for name, attempt in ways(place, pid).items():
        try:
            attempt()
            seen[name] = "done"
        except OSError as err:
            seen[name] = errno.errorcode.get(err.errno or 0, str(err))
    with open("/proc/self/attr/current") as file:
        seen["label"] = file.read().strip("\0\n")
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(sys.argv[2])
    else:
        reach(sys.argv[2], int(sys.argv[3]))
