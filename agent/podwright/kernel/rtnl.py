# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink (rtnetlink(7)) and network namespaces: send one request, check its answer.

Messages are made elsewhere (net/messages.py, with pyroute2); only the removal of a link is
made here, since the end of a pod must not pay for that import. `_socket` is what `socket`
wraps: the same calls without 2 ms of enumerations.
"""

from __future__ import annotations

import ctypes
import os
import struct
from _socket import if_nametoindex, inet_aton
from _socket import socket as Socket

from podwright.errors import NetworkError
from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional

AF_NETLINK = 16
SOCK_RAW_CLOEXEC = 3 | 0o2000000
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLMSG_ERROR = 2
NLM_F_REQUEST = 0x1
NLM_F_REQUEST_ACK = 0x5
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLMSGERR_ATTR_MSG = 1
RTM_DELLINK, RTM_GETLINK, RTM_DELADDR = 17, 18, 21
AF_INET, IFA_LOCAL = 2, 2
IFLA_IFNAME, IFLA_OPERSTATE = 3, 16
IF_OPER_UP = 6
CLONE_NEWNET = 0x40000000

__all__ = ["Rtnl", "delete_address", "delete_link", "entered", "if_nametoindex", "is_running"]


class Rtnl:
    """A route netlink socket of the network namespace in which it was made."""

    def __init__(self) -> None:
        self._socket = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0)
        self._socket.bind((0, 0))
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)

    def call(self, what: str, message: bytes) -> None:
        """Send one message that asks for an answer; `what` names it in errors.

        Raises OSError whose text holds the kernel's own explanation, when it gives one.
        """
        step("netlink")
        self._socket.send(message)
        answer = self._socket.recv(65536)
        kind, flags = struct.unpack_from("=HH", answer, 4)
        if kind != NLMSG_ERROR:
            raise OSError(71, f"unexpected netlink answer {kind}", what)
        code = -struct.unpack_from("=i", answer, 16)[0]
        if code:
            raise OSError(code, _explained(answer, flags) or os.strerror(code), what)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _explained(answer: bytes, flags: int) -> str:
    """The kernel's sentence in an extended acknowledgement, or ""."""
    if not flags & NLM_F_ACK_TLVS:
        return ""
    start = 36 if flags & NLM_F_CAPPED else 20 + struct.unpack_from("=I", answer, 20)[0]
    return safe(_attribute(answer, start, NLMSGERR_ATTR_MSG).rstrip(b"\0"), 200)


def is_running(name: str) -> bool:
    """Whether a link is up, has a carrier, and the kernel has taken note of it. Raises OSError.

    Of the operational state (RFC 2863), since IFF_RUNNING is also set on a new link whose first
    change of carrier the kernel has not got round to.
    """
    body = struct.pack("=BxHiII", 0, 0, if_nametoindex(name), 0, 0)
    header = struct.pack("=IHHII", 16 + len(body), RTM_GETLINK, NLM_F_REQUEST, 1, 0)
    control = Socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0)
    try:
        control.send(header + body)
        answer = control.recv(65536)
    finally:
        control.close()
    size, kind = struct.unpack_from("=IH", answer)
    if kind == NLMSG_ERROR:
        code = -struct.unpack_from("=i", answer, 16)[0]
        raise OSError(code, os.strerror(code), name)
    state = _attribute(answer[:size], 16 + len(body), IFLA_OPERSTATE)
    return state == bytes((IF_OPER_UP,))


def _attribute(message: bytes, start: int, wanted: int) -> bytes:
    """An attribute of a message whose attributes begin at `start`; b"" when it has none such."""
    while start + 4 <= len(message):
        size, kind = struct.unpack_from("=HH", message, start)
        if kind == wanted:
            return message[start + 4 : start + size]
        start += max(4, (size + 3) & ~3)
    return b""


def delete_link(name: str) -> bool:
    """Remove a link of this namespace, and with a veth its peer; False when there is none."""
    text = name.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(text), IFLA_IFNAME) + text + bytes(-len(text) % 4)
    body = bytes(16) + attribute
    header = struct.pack("=IHHII", 16 + len(body), RTM_DELLINK, NLM_F_REQUEST_ACK, 1, 0)
    try:
        if_nametoindex(name)
    except OSError:
        return False
    rtnl = Rtnl()
    try:
        rtnl.call(f"remove link {name}", header + body)
    except OSError as err:
        if err.errno != 19:  # ENODEV: its namespace ended in between
            raise NetworkError(f"link {name}: cannot be removed: {err.strerror}") from None
        return False
    finally:
        rtnl.close()
    return True


def delete_address(link: str, ip: str, prefix: int) -> bool:
    """Take an IPv4 address off a link of this namespace; False when it is not there. Raises OSError."""
    attribute = struct.pack("=HH", 8, IFA_LOCAL) + inet_aton(ip)
    body = struct.pack("=BBBBI", AF_INET, prefix, 0, 0, if_nametoindex(link)) + attribute
    header = struct.pack("=IHHII", 16 + len(body), RTM_DELADDR, NLM_F_REQUEST_ACK, 1, 0)
    rtnl = Rtnl()
    try:
        rtnl.call(f"remove address {ip}", header + body)
    except OSError as err:
        if err.errno != 99:  # EADDRNOTAVAIL
            raise
        return False
    finally:
        rtnl.close()
    return True


class entered:
    """`with entered(fd):` runs this thread in another network namespace."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._home = -1
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _setns(self, fd: int) -> None:
        if self._libc.setns(fd, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "setns")

    def __enter__(self) -> None:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        step("setns")
        self._setns(self._fd)

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._setns(self._home)
        os.close(self._home)
