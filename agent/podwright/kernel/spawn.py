# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program of the host to its end, with a text to read, and take what it writes: nothing of ours is inherited."""

from __future__ import annotations

import os
import select
import time

from podwright.kernel import signals
from podwright.kernel.step import step

MOST = 1 << 20
TIMED_OUT = 124
"""The status of a program that was ended, as timeout(1) has it."""
KEPT = 3
"""The descriptor that it holds for us."""
DEFAULTS = (
    *(signals.SIGHUP, signals.SIGINT, signals.SIGQUIT),
    *(signals.SIGPIPE, signals.SIGTERM),
)
"""What a process of ours may ignore, and no other one should for that."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    argv: list[str], said: bytes = b"", timeout: float = 0.0, keep: int = -1
) -> tuple[int, str]:
    """(exit status, or 128 and the signal; what it has written to its output and error). Raises OSError.

    said     its standard input; less than a pipe has room for
    timeout  seconds that it may take; then it is ended, with TIMED_OUT; 0: any time
    keep     a descriptor that it inherits, above 2: a lock is held until it has ended, too
    """
    step("fork")
    given, giving = os.pipe()
    taking, taken = os.pipe()
    pid = 0
    try:
        actions = [
            (os.POSIX_SPAWN_DUP2, given, 0),
            (os.POSIX_SPAWN_DUP2, taken, 1),
            (os.POSIX_SPAWN_DUP2, taken, 2),
        ]
        if keep >= 0:
            actions.append((os.POSIX_SPAWN_DUP2, keep, KEPT))
        environment = {"PATH": PATH, "LC_ALL": "C"}
        pid = os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setsigmask=[], setsigdef=DEFAULTS
        )
        os.write(giving, said)
    finally:
        for fd in (given, giving, taken):
            os.close(fd)
        if not pid:
            os.close(taking)
    text, ended = _taken(taking, time.monotonic() + timeout if timeout else 0.0)
    if not ended:
        os.kill(pid, signals.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if not ended:
        return TIMED_OUT, f"{text}\nit has not ended within {timeout:.0f} s"
    return (code if code >= 0 else 128 - code), text


def _taken(fd: int, until: float) -> tuple[str, bool]:
    """What is written there, and whether that has ended in time (0: whenever that is)."""
    found = b""
    wait = select.poll()
    wait.register(fd, select.POLLIN)
    try:
        while len(found) < MOST:
            left = max(0.0, until - time.monotonic()) * 1000 if until else None
            if not wait.poll(left):
                return found.decode("utf-8", "replace"), False
            data = os.read(fd, min(65536, MOST - len(found)))
            if not data:
                break
            found += data
    finally:
        os.close(fd)
    return found.decode("utf-8", "replace"), True
