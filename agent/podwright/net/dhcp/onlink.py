# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease on the pod's link, from within its network namespace: put on, taken off, given back."""

from __future__ import annotations

import os
import struct
from _socket import inet_aton, socket

from podwright.kernel import rtnl
from podwright.net.messages import Messages
from podwright.net.plan import AddAddress, AddRoute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from podwright.net.dhcp.answer import Leased

AF_INET, SOCK_DGRAM_CLOEXEC = 2, 2 | 0o2000000
SOL_SOCKET, SO_BINDTODEVICE, SO_REUSEADDR = 1, 25, 2
CLIENT, SERVER = 68, 67
RELEASE = 7
MAGIC = b"\x63\x82\x53\x63"


def steps(link: str, leased: Leased) -> tuple[Union[AddAddress, AddRoute], ...]:
    """What gives a link the lease, in the pod's namespace."""
    return (
        AddAddress(True, link, leased.address.ip, leased.address.prefix),
        *(
            AddRoute(True, link, one.dst, one.gateway, priority=one.priority, scope=one.scope)
            for one in leased.routes
        ),
    )


def put_on(link: str, leased: Leased) -> None:
    """Give the link of our own namespace address and routes; what is there stays."""
    make, channel = Messages(), rtnl.Rtnl()
    index = rtnl.if_nametoindex(link)
    for step in steps(link, leased):
        if isinstance(step, AddAddress):
            channel.call("address", make.address(index, step.ip, step.prefix))
        else:
            channel.call("route", make.route(index, step))
    channel.close()


def take_off(link: str, leased: Leased) -> None:
    """Take the address off the link of our own namespace, and with it the routes; none is fine."""
    rtnl.delete_address(link, leased.address.ip, leased.address.prefix)


def release(link: str, ip: str, server: str, mac: str, client: str) -> None:
    """Tell the server that we do not need the address any more (RFC 2131, 4.4.6); nobody answers."""
    sender = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0)
    try:
        sender.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        sender.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, link.encode() + b"\0")
        sender.bind((ip, CLIENT))
        sender.sendto(message(ip, server, mac, client), (server, SERVER))
    finally:
        sender.close()


def message(ip: str, server: str, mac: str, client: str) -> bytes:
    """The message that gives an address back; `client` is the client's identifier in hex digits."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack("!BBBB4sHH", 1, 1, len(hardware), 0, os.urandom(4), 0, 0)
    head += inet_aton(ip) + bytes(12) + hardware.ljust(16, b"\0") + bytes(192) + MAGIC
    options = bytes((53, 1, RELEASE, 54, 4)) + inet_aton(server)
    identifier = bytes.fromhex(client)
    options += bytes((61, len(identifier))) + identifier + b"\xff"
    return (head + options).ljust(300, b"\0")
