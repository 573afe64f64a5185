# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Supervision where there is no systemd: the same supervisor, started by us in the background."""

from __future__ import annotations

import os
import stat
import time

from podwright.kernel import fs, logfile
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout


LARGEST = 1 << 20
"""Bytes of the log of a supervisor."""


def log_path(layout: Layout, name: str) -> str:
    """Where the output of the pod's supervisor goes; that of its apps: see `logs`."""
    return f"{layout.logs}/{name}.log"


def spawn(layout: Layout, name: str, command: list[str]) -> int:
    """Start `command supervise NAME --detached` in a session of its own; returns its pid.

    It inherits nothing of ours: no terminal, no descriptors, no environment but PATH, and its
    parent is init, since the agent that started it ends soon.
    """
    fs.ensure_dir(layout.logs)
    argv = [*command, "supervise", name, "--detached"]
    read_end, write_end = os.pipe()
    step("fork")
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                _become(argv, log_path(layout, name), write_end)
        finally:
            os._exit(127)
    os.close(write_end)
    os.waitpid(child, 0)
    text = os.read(read_end, 32).decode()
    os.close(read_end)
    return int(text) if text else -1


def _become(argv: list[str], log: str, report: int) -> None:
    """In the grandchild: tell our pid, close everything, exec."""
    os.write(report, str(os.getpid()).encode())
    os.close(report)
    step("open")
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.closerange(3, 4096)
    os.chdir("/")
    os.execve(argv[0], argv, {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")})


def keep_small() -> None:
    """Forget the older half of our own log when it has become too long.

    It grows by a few lines with each start of the pod.
    """
    try:
        size = os.fstat(1).st_size
        if size <= LARGEST or not stat.S_ISREG(os.fstat(1).st_mode):
            return
        with open(f"/proc/self/fd/{1}", "rb") as file:
            file.seek(size - LARGEST // 2)
            file.readline()
            rest = file.read()
        logfile.empty(1)
        fs.write_all(1, rest)
    except OSError:
        return


def backoff(attempt: int) -> float:
    """Seconds before the next start: 1, 2, 4 ... 60."""
    return float(min(60, 2 ** min(attempt, 6)))


def pause(attempt: int) -> None:
    """Wait before a restart."""
    time.sleep(backoff(attempt))
