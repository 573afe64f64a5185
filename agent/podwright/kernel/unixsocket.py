# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unix stream sockets (unix(7)): below a directory, without waiting, with descriptors on board."""

from __future__ import annotations

import _socket
import errno
import fcntl
import os

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

MOST_DESCRIPTORS = 32
"""That one message may carry."""
_INT = 4
_CREDENTIALS = 3 * _INT
_SCM_MAX_FD = 253
_SIOCOUTQ = 0x5411


def pair() -> tuple[_socket.socket, _socket.socket]:
    """Two connected sockets."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)


def datagram_pair() -> tuple[_socket.socket, _socket.socket]:
    """Two connected sockets that keep messages apart."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)


def adopt(fd: int) -> _socket.socket:
    """A connected socket that is there already."""
    return _socket.socket(fileno=fd)


def _stream() -> _socket.socket:
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)


def listen(directory: int, name: str, backlog: int) -> _socket.socket:
    """Listen at `name` in an open directory; only our own user may connect.

    The path goes through the descriptor, since an address has room for 107 bytes only.
    """
    step("bind")
    server = _stream()
    try:
        os.fchmod(server.fileno(), 0o600)  # bind(2) makes the file with the socket's own mode
        server.bind(f"/proc/self/fd/{directory}/{name}")
        server.listen(backlog)
    except OSError:
        server.close()
        raise
    return server


def connect(directory: int, name: str) -> _socket.socket:
    """Connect to `name` in an open directory. Raises OSError (ENOENT, ECONNREFUSED)."""
    client = _stream()
    try:
        client.connect(f"/proc/self/fd/{directory}/{name}")
    except OSError:
        client.close()
        raise
    return client


def accept(server: _socket.socket) -> Optional[_socket.socket]:
    """The next connection, or None when none waits. `server` must not block."""
    try:
        fd, _ = server._accept()  # type: ignore[attr-defined]
    except (BlockingIOError, ConnectionAbortedError):
        return None
    return _socket.socket(fileno=fd)


def notify(fd: int) -> None:
    """Do not block on `fd` any more, and have SIGIO sent to us when it becomes ready."""
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_ASYNC)


def unread(channel: _socket.socket) -> bool:
    """Whether something that was sent has not been received yet."""
    return fcntl.ioctl(channel, _SIOCOUTQ, bytes(_INT)) != bytes(_INT)


def peer(channel: _socket.socket) -> tuple[int, int]:
    """(pid, uid) of who connected; 0 and the overflow id where our namespaces have no number."""
    raw = channel.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 3 * _INT)
    return int.from_bytes(raw[:_INT], "little"), int.from_bytes(raw[_INT : 2 * _INT], "little")


def send(channel: _socket.socket, data: bytes, fds: tuple[int, ...] = ()) -> int:
    """Send some of `data`, and with its first byte all of `fds`; how many bytes went."""
    if not fds:
        return channel.send(data, _socket.MSG_NOSIGNAL)
    packed = b"".join(fd.to_bytes(_INT, "little") for fd in fds)
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
    return channel.sendmsg([data], rights, _socket.MSG_NOSIGNAL)


def receive(channel: _socket.socket, size: int) -> tuple[bytes, tuple[int, ...]]:
    """Up to `size` bytes (b"" at the end) and the descriptors that came with them, close-on-exec.

    Raises OSError (EMSGSIZE) when more descriptors came than one message may carry.
    """
    room = _socket.CMSG_SPACE(MOST_DESCRIPTORS * _INT)
    data, ancillary, flags, _ = channel.recvmsg(size, room, _socket.MSG_CMSG_CLOEXEC)
    fds: list[int] = []
    for level, kind, packed in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            whole = len(packed) - len(packed) % _INT
            fds += (
                int.from_bytes(packed[at : at + _INT], "little") for at in range(0, whole, _INT)
            )
    if flags & _socket.MSG_CTRUNC:
        for fd in fds:
            os.close(fd)
        raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    return data, tuple(fds)


def datagram() -> _socket.socket:
    """A socket for messages."""
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)


def bind(channel: _socket.socket, directory: int, name: str, mode: int) -> None:
    """Give a socket the name `name` in an open directory."""
    step("bind")
    channel.bind(f"/proc/self/fd/{directory}/{name}")
    os.chmod(name, mode, dir_fd=directory)  # the umask has taken some of the socket's own


def connect_datagram(address: str) -> _socket.socket:
    """A socket whose messages go to `address`; one that begins with @ is abstract. Raises OSError."""
    channel = datagram()
    try:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        channel.close()
        raise
    return channel


def try_send(fd: int, data: bytes) -> None:
    """Send a message, if somebody has room for it at once."""
    channel = _socket.socket(fileno=os.dup(fd))
    try:
        channel.send(data, _socket.MSG_NOSIGNAL | _socket.MSG_DONTWAIT)
    except OSError:
        pass  # who does not listen misses it
    finally:
        channel.close()


def receive_from(channel: _socket.socket, size: int) -> tuple[bytes, int, bool]:
    """A message (cut to `size` bytes), who sent it, and whether descriptors are on board.

    One with descriptors still waits afterwards, until `discard` takes it: whoever closes the last
    copy of a descriptor may have to wait for as long as its sender likes (SO_LINGER), also when it
    has never been received. The pid is one of our pid namespace, 0 for who has none there.
    `channel` has SO_PASSCRED and must not block.
    """
    room = _socket.CMSG_SPACE(_CREDENTIALS)  # and none for descriptors
    data, ancillary, flags, _ = channel.recvmsg(size, room, _socket.MSG_PEEK)
    pid = 0
    for level, kind, packed in ancillary:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_CREDENTIALS):
            pid = int.from_bytes(packed[:_INT], "little")
    loaded = bool(flags & _socket.MSG_CTRUNC)
    if not loaded:
        channel.recv(1)
    return data, pid, loaded


def discard(channel: _socket.socket) -> int:
    """Have a child take the next message, and end; its pid. Raises OSError (EAGAIN).

    All descriptors that came are the child's, and who ends does not linger.
    """
    step("fork")
    pid = os.fork()
    if pid:
        return pid
    try:
        room = _socket.CMSG_SPACE(_SCM_MAX_FD * _INT) + _socket.CMSG_SPACE(_CREDENTIALS)
        channel.recvmsg(1, room, _socket.MSG_CMSG_CLOEXEC)
    finally:
        os._exit(0)


def end_writing(fd: int) -> None:
    """Have who reads from a socket see the end; `fd` stays open. A terminal has no such end."""
    copy = os.dup(fd)
    try:
        channel = _socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        return
    try:
        channel.shutdown(_socket.SHUT_WR)
    except OSError:
        pass
    finally:
        channel.close()
