# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets that the service listens on: inherited from systemd (sd_listen_fds(3)), or made."""

from __future__ import annotations

import errno
import os
import socket

from podwright.errors import HostError, UsageError
from podwright.kernel import fs
from podwright.net import ip as addresses
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

FIRST_INHERITED = 3
BACKLOG = 1024
IP_FREEBIND, IPV6_FREEBIND = 15, 78
NO_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


@value
class Listening:
    """What pods connect to, and what root does. `made` is the path of the latter, if we made it."""

    pods: tuple[socket.socket, ...]
    root: socket.socket
    made: str = ""

    def places(self) -> list[tuple[str, int]]:
        """Addresses and ports that pods connect to."""
        return [each.getsockname()[:2] for each in self.pods]

    def close(self) -> None:
        """Listen no more; a socket file that we made goes."""
        for each in (*self.pods, self.root):
            each.close()
        if self.made:
            fs.unlink(self.made)


def inherited() -> list[socket.socket]:
    """The sockets that systemd has opened for this process."""
    mine = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if not mine or not count.isdigit():
        return []
    found = []
    for fd in range(FIRST_INHERITED, FIRST_INHERITED + int(count)):
        os.set_inheritable(fd, False)
        found.append(socket.socket(fileno=fd))
    return found


def listen(path: str, asked: tuple[str, ...], port: int) -> Listening:
    """All sockets. Raises HostError, UsageError naming the address.

    path   of the unix socket
    asked  addresses, canonical; none: every one, of both families where the host has both
    """
    given = inherited()
    for each in given:
        if each.type != socket.SOCK_STREAM or each.family not in (
            socket.AF_UNIX,
            socket.AF_INET,
            socket.AF_INET6,
        ):
            raise HostError(
                "a socket that was handed over is not a stream of unix(7), ip(7) or ipv6(7)",
                "correct the socket unit",
            )
    unix = [each for each in given if each.family == socket.AF_UNIX]
    pods = [each for each in given if each.family != socket.AF_UNIX]
    if len(unix) > 1:
        raise HostError("more than one unix socket was handed over", "correct the socket unit")
    pods = pods or _all(asked, port)
    if unix:
        return Listening(tuple(pods), unix[0])
    return Listening(tuple(pods), _unix(path), path)


def _all(asked: tuple[str, ...], port: int) -> list[socket.socket]:
    if asked:
        return [_tcp(ip, port) for ip in dict.fromkeys(asked)]
    found = []
    for ip in ("0.0.0.0", "::"):
        try:
            found.append(_tcp(ip, port))
        except HostError as err:
            cause = err.__cause__
            if ip != "::" or not isinstance(cause, OSError) or cause.errno not in NO_FAMILY:
                raise
    return found


def canonical(ip: str) -> str:
    """An address to listen on, in one form. Raises UsageError."""
    try:
        return addresses.canonical(ip)
    except ValueError:
        raise UsageError(f"--listen-address: {safe(ip, 60)!r} is not an IP address") from None


def _tcp(ip: str, port: int) -> socket.socket:
    """A listening socket; the address need not be there yet, as those of pods' links may be later."""
    six = addresses.family(ip) == 6
    made: Optional[socket.socket] = None
    try:
        made = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        else:
            made.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        made.bind((ip, port))
        made.listen(BACKLOG)
    except OSError as err:
        if made is not None:
            made.close()
        raise HostError(
            f"metadata service: cannot listen on {ip} port {port}: {err.strerror}",
            "choose another with --listen-port, or end who uses it",
            object=f"{ip} port {port}",
        ) from err
    return made


def _unix(path: str) -> socket.socket:
    """Listen at `path`, which root and its group may connect to; the caller holds the lock."""
    fs.unlink(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        made.bind(path)
        made.listen(BACKLOG)
    except OSError as err:
        made.close()
        raise HostError(f"{path}: cannot listen: {err.strerror}", object=path) from err
    finally:
        os.umask(before)
    return made
