# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out before anything starts whether the host ports of a pod are free."""

from __future__ import annotations

import errno
import os
from _socket import socket as Socket

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.net import leases
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.net.plan import Lease, NetRequest, PortMap

AF_INET = 2
SOCK_CLOEXEC = 0o2000000
TYPES = {"tcp": 1, "udp": 2}
SOL_SOCKET, SO_REUSEADDR = 1, 2


def check_ports(request: NetRequest) -> None:
    """Refuse ports that somebody else has, without changing anything.

    A running pod of the same name and data directory does not count: it is the one to be
    replaced. Raises NetworkError naming the port and who has it.
    """
    if not request.ports:
        return
    boot = boot_id()
    own = (request.name, os.path.realpath(request.alive))
    others = [
        lease
        for lease in leases.read_all(request.net_dir).leases
        if not (request.name and (lease.name, lease.run_dir) == own)
        and leases.is_alive(request.net_dir, lease, boot)
    ]
    refuse_taken(request, others)


def refuse_taken(request: NetRequest, others: Iterable[Lease]) -> None:
    """Raise NetworkError when a port belongs to one of these leases or to a process."""
    here = os.path.realpath(request.alive)
    for lease in others:
        for held in lease.ports:
            for port in request.ports:
                if port.overlaps(held):
                    where = "" if lease.run_dir == here else f" in {lease.run_dir}"
                    raise _taken(port, safe(lease.holder() + where))
    for port in request.ports:
        _try_bind(port)


def _try_bind(port: PortMap) -> None:
    """Bind as a server would; a listening socket on any overlapping address is in the way.

    With SO_REUSEADDR remains of closed TCP connections are not; for UDP it would hide others.
    """
    probe = Socket(AF_INET, TYPES[port.proto] | SOCK_CLOEXEC, 0)
    try:
        if port.proto == "tcp":
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        probe.bind((port.host_ip, port.host_port))
    except OSError as err:
        if err.errno == errno.EADDRINUSE:
            raise _taken(port, "a process on the host") from None
        if err.errno == errno.EADDRNOTAVAIL:
            raise NetworkError(
                f"{port.shown()}: {port.host_ip} is not an address of this host",
                object=port.shown(),
                reason="no-address",
            ) from None
        raise NetworkError(f"{port.shown()}: cannot be used: {err.strerror}") from None
    finally:
        probe.close()


def _taken(port: PortMap, holder: str) -> NetworkError:
    return NetworkError(
        f"{port.shown()}: is already in use by {holder}",
        "choose another host port, or stop what uses it",
        object=port.shown(),
        reason="port-taken",
    )
