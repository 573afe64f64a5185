# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process between us and an entry point, which ends whatever that leaves behind, also if we are killed."""

from __future__ import annotations

import os

from podwright.kernel import orphans, process, signals

END = signals.SIGPWR
"""Tells it to end the entry point at once; it comes when we end, too."""
WAKES = (signals.SIGCHLD, END)
LONG = 3600.0


def stay() -> None:
    """Returns in a child of ours, in which to execute; we stay, and end as that does.

    All signals have to be blocked.
    """
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    us, above = os.getpid(), os.getppid()
    orphans.adopt(True)
    orphans.signal_with_parent(END)
    if os.getppid() != above:
        os._exit(254)
    pid = os.fork()
    if pid:
        try:
            process.close_all_but(frozenset((proc,)))
            code = _wait(pid)
            orphans.end(proc)
            os._exit(code)
        finally:
            os._exit(254)
    os.close(proc)
    process.die_with_parent()
    if os.getppid() != us:
        os._exit(254)


def _wait(pid: int) -> int:
    """Until it has ended, or is to be; as an exit status."""
    while True:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            return code if code >= 0 else 128 - code
        woken = signals.sigtimedwait(WAKES, LONG)
        if woken is not None and woken.si_signo == END:
            return 254
