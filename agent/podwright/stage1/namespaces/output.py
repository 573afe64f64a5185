# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what a pod writes at our terminal without handing the terminal over.

Whoever has a terminal open can read what is typed there and change its modes (threats.md T78). So
a pod that is not tied to it writes to a pipe, and a child of ours copies that to the terminal.
"""

from __future__ import annotations

import os

from podwright.kernel import process, signals

_PIECE = 65536
_WRITE_ONLY = 0o222
"""Mode of a pipe: apps may open it again, as /dev/stdout, and not read it."""


class Output:
    """From `start` until `end`; made where 1 or 2 of ours is a terminal.

    pid     the child that copies
    """

    def __init__(self) -> None:
        self.pid = 0
        self._pipes: list[tuple[int, int, int]] = []
        self._targets: dict[int, int] = {}
        self._end = -1

    def start(self) -> None:
        """Make a pipe for each terminal, one for both when both are the same, and begin to copy."""
        places: dict[int, int] = {}
        for fd in (1, 2):
            if not os.isatty(fd):
                continue
            where = os.fstat(fd).st_rdev
            if where not in places:
                reader, writer = os.pipe()
                os.fchmod(writer, _WRITE_ONLY)
                self._pipes.append((reader, writer, fd))
                places[where] = writer
            self._targets[fd] = places[where]
        ending, self._end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _copy({reader: fd for reader, _, fd in self._pipes}, ending)
            finally:
                os._exit(0)
        os.close(ending)
        for reader, _, _ in self._pipes:
            os.close(reader)

    def enter(self) -> None:
        """For PID 1: its output, and that of all that it starts, goes to the pipes."""
        for fd, writer in self._targets.items():
            os.dup2(writer, fd)

    def forked(self) -> None:
        """PID 1 has the pipes now."""
        for _, writer, _ in self._pipes:
            os.close(writer)
        self._pipes = []

    def resized(self) -> None:
        """Nothing to do: the pod has no terminal."""

    def end(self) -> None:
        """The pod has ended: wait until what it has written was shown."""
        self.forked()
        os.close(self._end)
        os.waitpid(self.pid, 0)


def _copy(pipes: dict[int, int], ending: int) -> None:
    """Copy from pipe to terminal until all pipes end, or `ending` does: then what is in them."""
    import select

    process.rename("podwright-output")
    process.close_all_but(frozenset((*pipes, ending)))
    # The user's keys are for our parent. Blocked, this one lets us write from the background.
    signals.pthread_sigmask(signals.SIG_BLOCK, (signals.SIGTTOU,))
    wait = select.poll()
    for fd in (*pipes, ending):
        wait.register(fd, select.POLLIN)
    left = set(pipes)
    while left:
        ready = [fd for fd, _ in wait.poll()]
        if ending in ready:
            break
        for fd in ready:
            data = os.read(fd, _PIECE)
            _show(pipes[fd], data)
            if not data:
                wait.unregister(fd)
                left.remove(fd)
    for fd in left:
        _show_rest(fd, pipes[fd])


def _show_rest(fd: int, terminal: int) -> None:
    """What is in a pipe now; who writes more to it all the same does not keep us."""
    import fcntl
    import termios

    amount = int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), "little")
    while amount:
        data = os.read(fd, min(amount, _PIECE))
        _show(terminal, data)
        amount -= len(data)


def _show(terminal: int, data: bytes) -> None:
    """Write all of it; a terminal that is gone must not stop the pod, so that it is discarded."""
    import select

    while data:
        try:
            data = data[os.write(terminal, data) :]
        except BlockingIOError:  # another process has made it so
            wait = select.poll()
            wait.register(terminal, select.POLLOUT)
            wait.poll()
        except OSError:
            return
