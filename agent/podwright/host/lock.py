# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisory locks that live as long as a process holds the descriptor (flock).

A lock file that is waited for holds the pid and the command of its holder, so that whoever
waits can say for whom. The wait is bounded.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from podwright.errors import LockedError
from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Seconds between two tries: twice as long each time."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Lock without waiting; False when somebody else holds it."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_open_file(fd: int) -> None:
    """Lock as systemd does: an open file description lock (fcntl(2)) on the whole file.

    Raises BlockingIOError when somebody else holds it. It has nothing to do with flock(2).
    """
    import struct

    whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, whole)


class HostLock:
    """A host-wide lock, held inside a `with` block.

    path     the lock file, made when missing (its directory must exist); its holder may remove it
    doing    what the holder does, shown to whoever waits ("apply")
    timeout  seconds to wait; then LockedError naming the holder
    """

    def __init__(self, path: str, doing: str, timeout: float = 60.0, shared: bool = False) -> None:
        self.path = path
        self.doing = doing
        self.timeout = timeout
        self.shared = shared
        self.fd: Optional[int] = None

    def __enter__(self) -> HostLock:
        deadline = time.monotonic() + self.timeout
        fd = self._wait(deadline)
        while os.fstat(fd).st_nlink == 0:  # removed while we waited: it locks nothing any more
            os.close(fd)
            fd = self._wait(deadline)
        try:
            self._sign(fd)
        except OSError as err:
            if err.errno not in FULL:
                os.close(fd)
                raise
        self.fd = fd
        return self

    def _sign(self, fd: int) -> None:
        """Write who holds it. On a full disk nobody is told, but the lock is ours all the same."""
        step("write")
        os.ftruncate(fd, 0)  # also by a shared holder: the name in it is that of an earlier one
        if not self.shared:
            os.pwrite(fd, f"pid {os.getpid()} ({self.doing})".encode(), 0)

    def _wait(self, deadline: float) -> int:
        """Open and lock the file; returns the descriptor. Raises LockedError."""
        step("open")
        fd = os.open(self.path, OPEN, 0o600)
        pause = FIRST_PAUSE
        while not try_lock(fd, shared=self.shared):
            if time.monotonic() >= deadline:
                holder = safe(os.pread(fd, 200, 0)) or "another process"
                os.close(fd)
                raise LockedError(
                    f"{self.doing}: {self.path} is held by {holder}",
                    f"waited {self.timeout:.0f} s; try again when it has ended",
                    object=self.path,
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return fd

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go before the end of the block; once more does nothing."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def claim(path: str, *, create: bool = False) -> Optional[int]:
    """The descriptor of a lock file, locked and still with a name; None when it is taken or not there.

    create  make the file where there is none (its directory must exist)
    """
    step("open")
    while True:
        try:
            fd = os.open(path, OPEN if create else OPEN & ~os.O_CREAT, 0o600)
        except FileNotFoundError:
            return None
        if not try_lock(fd):
            os.close(fd)
            return None
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)  # given back between our open and our lock: whoever comes next makes a new one


def hold(path: str, doing: str, timeout: float) -> int:
    """Hold a lock as long as the descriptor is open, by whomever. Raises LockedError."""
    held = HostLock(path, doing, timeout)
    held.__enter__()
    assert held.fd is not None
    return held.fd
