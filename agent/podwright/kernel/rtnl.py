# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Route netlink (rtnetlink(7)) and network namespaces: send one request, check its answer.

Messages are made elsewhere (net/messages.py, with pyroute2); only the removal of a link is
made here, since the end of a pod must not pay for that import. `_socket` is what `socket`
wraps: the same calls without 2 ms of enumerations.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from _socket import if_nametoindex
from _socket import socket as Socket

from podwright.errors import NetworkError
from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional

AF_INET = 2
AF_NETLINK = 16
SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
SOCK_RAW_CLOEXEC = 3 | 0o2000000
SIOCGIFFLAGS = 0x8913
IFF_RUNNING = 0x40
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLMSG_ERROR = 2
NLM_F_REQUEST_ACK = 0x5
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLMSGERR_ATTR_MSG = 1
RTM_DELLINK = 17
IFLA_IFNAME = 3
CLONE_NEWNET = 0x40000000

__all__ = ["Rtnl", "delete_link", "entered", "if_nametoindex", "is_running"]


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
    while start + 4 <= len(answer):
        size, kind = struct.unpack_from("=HH", answer, start)
        if kind == NLMSGERR_ATTR_MSG:
            return safe(answer[start + 4 : start + size].rstrip(b"\0"), 200)
        start += max(4, (size + 3) & ~3)
    return ""


def is_running(name: str) -> bool:
    """Whether a link is up, has a carrier, and the kernel has taken note of it. Raises OSError."""
    control = Socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0)
    try:
        answer = fcntl.ioctl(control.fileno(), SIOCGIFFLAGS, name.encode().ljust(40, b"\0"))
    finally:
        control.close()
    return bool(struct.unpack_from("=H", answer, 16)[0] & IFF_RUNNING)


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
