# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state-changing call is counted here, so that a test can stop the agent at call N.

`PODWRIGHT_FAULT=kill@N` kills the process at the Nth step, `ENOSPC@N` (or EIO, EROFS,
EMFILE) makes it fail; `count@FILE` appends one line per step to FILE: its name, its number
in its process, and the process. Nothing but tests sets it; without it a step costs one
comparison.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class _Fault:
    """The counter of this process; forked children go on counting on their own."""

    def __init__(self, text: str) -> None:
        self.action, _, argument = text.partition("@")
        self.argument = argument
        self.number = 0

    def step(self, what: str) -> None:
        self.number += 1
        if self.action == "count":
            self._count(what)
            return
        if self.number != int(self.argument):
            return
        if self.action == "kill":
            os.kill(os.getpid(), 9)
        import errno

        code = getattr(errno, self.action)
        raise OSError(code, os.strerror(code), what)

    def _count(self, what: str) -> None:
        """Append to the file; from inside a pod's root it is out of reach, which is fine."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            fd = os.open(self.argument, flags, 0o600)
        except OSError:
            return
        os.write(fd, f"{what} {self.number} {os.getpid()}\n".encode())
        os.close(fd)


_fault: Optional[_Fault] = (
    _Fault(os.environ["PODWRIGHT_FAULT"]) if "PODWRIGHT_FAULT" in os.environ else None
)


def step(what: str) -> None:
    """Announce a state-changing call, named for test reports (`rename`, `mount`, ...)."""
    if _fault is not None:
        _fault.step(what)


def off() -> None:
    """Count nothing from here on: for confined children, which change nothing that lasts."""
    global _fault
    _fault = None
