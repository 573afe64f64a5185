# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pseudo terminals (pty(7), ioctl_tty(2)), and handing one to another process."""

from __future__ import annotations

import _socket
import fcntl
import os

from podwright.kernel import beneath
from podwright.kernel.step import step

_CONTROL = 0x540E
_GET_SIZE = 0x5413
_SET_SIZE = 0x5414
_GET_NUMBER = 0x80045430
_SET_LOCK = 0x40045431
_GET_PEER = 0x5441


def open_pair(pts: int) -> tuple[int, int, int]:
    """Make a terminal in the devpts instance that `pts` is open on: (master, slave, number)."""
    step("openpty")
    flags = os.O_RDWR | os.O_NOCTTY
    master = beneath.open_strict(pts, "ptmx", flags)
    try:
        fcntl.ioctl(master, _SET_LOCK, (0).to_bytes(4, "little"))
        number = int.from_bytes(fcntl.ioctl(master, _GET_NUMBER, bytes(4)), "little")
        slave = fcntl.ioctl(master, _GET_PEER, flags | os.O_CLOEXEC)
    except OSError:
        os.close(master)
        raise
    return master, slave, number


def take_control(slave: int) -> None:
    """Make a terminal the controlling one of this session, which has none yet."""
    fcntl.ioctl(slave, _CONTROL, 0)


def copy_size(source: int, target: int) -> None:
    """Give one terminal the size of another."""
    fcntl.ioctl(target, _SET_SIZE, fcntl.ioctl(source, _GET_SIZE, bytes(8)))


def size(fd: int) -> tuple[int, int]:
    """(rows, columns) of a terminal."""
    raw = fcntl.ioctl(fd, _GET_SIZE, bytes(8))
    return int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:4], "little")


def set_size(fd: int, rows: int, columns: int) -> None:
    """Say how large a terminal is."""
    raw = rows.to_bytes(2, "little") + columns.to_bytes(2, "little") + bytes(4)
    fcntl.ioctl(fd, _SET_SIZE, raw)


def pair() -> tuple[_socket.socket, _socket.socket]:
    """Two connected sockets, for `send` and `receive`."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)


def send(channel: _socket.socket, fd: int) -> None:
    """Hand a descriptor to the other side (SCM_RIGHTS, unix(7))."""
    data = fd.to_bytes(4, "little")
    channel.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, data)])


def receive(channel: _socket.socket) -> int:
    """The descriptor that the other side handed over. Raises EOFError when it never will."""
    _, ancillary, _, _ = channel.recvmsg(1, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            return int.from_bytes(data[:4], "little")
    raise EOFError
