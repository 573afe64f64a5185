# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program of the host to its end, with a text to read, and take what it writes: nothing of ours is inherited."""

from __future__ import annotations

import os

from podwright.kernel import signals
from podwright.kernel.step import step

MOST = 1 << 20
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(argv: list[str], said: bytes = b"") -> tuple[int, str]:
    """(exit status, or 128 and the signal; what it has written to its output and error). Raises OSError.

    said  its standard input; less than a pipe has room for
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
        environment = {"PATH": PATH, "LC_ALL": "C"}
        defaults = [signals.SIGPIPE]
        pid = os.posix_spawn(
            argv[0], argv, environment, file_actions=actions, setsigmask=[], setsigdef=defaults
        )
        os.write(giving, said)
    finally:
        for fd in (given, giving, taken):
            os.close(fd)
        if not pid:
            os.close(taking)
    with open(taking, "rb") as file:
        text = file.read(MOST).decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return (code if code >= 0 else 128 - code), text
