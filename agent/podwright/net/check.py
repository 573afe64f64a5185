# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out before anything starts whether the host ports of a pod are free."""

from __future__ import annotations

import errno
import os
from _socket import socket as Socket

from podwright.errors import NetworkError
from podwright.host.clock import boot_id
from podwright.net import ledger
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.net.values import Holding, NetRequest, PortMap

AF_INET, AF_INET6 = 2, 10
SOCK_CLOEXEC = 0o2000000
TYPES = {"tcp": 1, "udp": 2}
SOL_SOCKET, SO_REUSEADDR = 1, 2
IPPROTO_IPV6, IPV6_V6ONLY = 41, 26
UNREACHED = ("macvlan", "ipvlan", "host-device")
"""Types of networks on which the host does not reach its own pods."""
RESERVED = "ports"
"""The file beside the records of the metadata service with the ports that it has told pods."""


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
        holding
        for holding in ledger.read_all(request.net_dir).holdings
        if not (request.name and (holding.name, holding.run_dir) == own)
        and ledger.is_alive(request.net_dir, holding, boot)
    ]
    refuse_taken(request, others)


def refuse_taken(request: NetRequest, others: Iterable[Holding]) -> None:
    """Raise NetworkError when a port belongs to one of these holdings or to a process."""
    here = os.path.realpath(request.alive)
    others = tuple(others)
    for holding in others:
        for held in holding.ports:
            for port in request.ports:
                if port.overlaps(held):
                    where = "" if holding.run_dir == here else f" in {holding.run_dir}"
                    raise _taken(port, safe(holding.holder() + where))
    if request.ports:
        _refuse_reserved(request, others)
    for port in request.ports:
        for of in port.families():
            _try_bind(port, of)


def _refuse_reserved(request: NetRequest, others: tuple[Holding, ...]) -> None:
    """Refuse the metadata service's port while it is down: its pods would tell the new one their tokens."""
    ports = reserved_ports(request.net_dir)
    for port in request.ports if ports else ():
        if port.proto == "tcp" and port.host_port in ports:
            for holding in others:
                if os.path.lexists(f"{_metadata(request.net_dir)}/pods/{holding.uuid}"):
                    who = f"the metadata service, of which {safe(holding.holder())} asks there"
                    raise _taken(port, who)


def reserved_ports(net_dir: str) -> set[int]:
    """Ports that registered pods know as the metadata service's, whether it runs or not."""
    try:
        with open(f"{_metadata(net_dir)}/{RESERVED}", "rb") as file:
            return {int(word) for word in file.read(65536).split() if word.isdigit()}
    except FileNotFoundError:
        return set()


def _metadata(net_dir: str) -> str:
    return f"{os.path.dirname(net_dir)}/metadata"


def refuse_unreachable(holding: Holding) -> None:
    """Raise NetworkError for ports that cannot lead to the pod.

    At a host address of a family in which the pod has no address, or to a link whose packets the
    host neither sees nor can send.
    """
    for of in (4, 6) if holding.own_ports() else ():
        ip = holding.target(of)
        on = next((one for one in holding.attachments if ip and one.first(of) == ip), None)
        if on is not None and (on.kind in UNREACHED or (on.bridge and not on.zone)):
            what = "bridge that the host had before" if on.bridge else f"network of type {on.kind}"
            raise NetworkError(
                f"network {on.net}: ports of the host cannot lead to a pod on a {what}",
                "call the pod by its own address, or give it a network such as default, too",
                object=on.net,
                reason="no-ports",
            )
    for port in holding.own_ports():
        if not any(holding.target(of) for of in port.families()):
            raise NetworkError(
                f"{port.shown()}: the pod has no IPv{port.families()[0]} address",
                "publish it on another address, or give the pod a network with one",
                object=port.shown(),
                reason="no-address",
            )


def _try_bind(port: PortMap, of: int) -> None:
    """Bind as a server would; a listening socket on any overlapping address is in the way.

    With SO_REUSEADDR remains of closed TCP connections are not; for UDP it would hide others.
    """
    if port.proto not in TYPES:
        return  # the kernel may not have it; two pods are compared all the same
    try:
        probe = Socket(AF_INET6 if of == 6 else AF_INET, TYPES[port.proto] | SOCK_CLOEXEC, 0)
    except OSError:
        return  # a host without this family
    try:
        if port.proto == "tcp":
            probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if of == 6:
            probe.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        probe.bind((port.host_ip, port.host_port))
    except OSError as err:
        if err.errno == errno.EADDRINUSE:
            raise _taken(port, "a process on the host") from None
        if err.errno == errno.EADDRNOTAVAIL:
            if not port.host_ip:
                return
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
