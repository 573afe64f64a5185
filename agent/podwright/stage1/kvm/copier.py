# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A child that copies between a descriptor of somebody else's and a socket of ours.

Whoever enters a pod hands over terminals, pipes and files that others use, too: they cannot be made
not to block, and the pod's PID 1 must not be held up by them.
"""

from __future__ import annotations

import _socket
import os
import select

from podwright.kernel import process, signals, unixsocket
from podwright.kernel.step import step

PIECE = 1 << 15


def start(fd: int, *, reads: bool) -> tuple[int, int]:
    """Copy out of `fd` (`reads`) or into it; (pid, our end of the socket, which does not block)."""
    ours, theirs = unixsocket.pair()
    step("fork")
    pid = os.fork()
    if pid == 0:
        try:
            process.close_all_but(frozenset((fd, theirs.fileno())))
            signals.pthread_sigmask(signals.SIG_SETMASK, ())
            (_out_of if reads else _into)(fd, theirs)
        finally:
            os._exit(0)
    theirs.close()
    ours.setblocking(False)
    return pid, ours.detach()


def _out_of(fd: int, channel: _socket.socket) -> None:
    while True:
        try:
            data = os.read(fd, PIECE)
        except BlockingIOError:  # somebody has made it so
            _wait(fd, select.POLLIN)
            continue
        if not data:
            return
        channel.sendall(data, _socket.MSG_NOSIGNAL)


def _into(fd: int, channel: _socket.socket) -> None:
    """What is written is taken only then, so that who sends can see it."""
    while True:
        data = channel.recv(PIECE, _socket.MSG_PEEK)
        if not data:
            return
        left = data
        while left:
            try:
                left = left[os.write(fd, left) :]
            except BlockingIOError:
                _wait(fd, select.POLLOUT)
        channel.recv(len(data))


def _wait(fd: int, events: int) -> None:
    wait = select.poll()
    wait.register(fd, events)
    wait.poll()
