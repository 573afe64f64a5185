# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of methods on the host's system bus: as much of the D-Bus specification as we need.

Arguments are texts, numbers below 2^32 and bytes, with the signatures s, u and ay. Of an answer only
is told whether it is one. Without a library, since a start pays for every module that it loads.
"""

from __future__ import annotations

import _socket

from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    Argument = Union[str, int, bytes]

SOCKET = "/run/dbus/system_bus_socket"
PATIENCE = 10.0
"""Seconds for each read."""
LARGEST = 1 << 20
_CALL, _RETURN, _ERROR = 1, 2, 3
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_TO, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8


class BusError(Exception):
    """A call failed; `name` is that of the error, "" when there was no answer."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


class Bus:
    """A connection as root. Raises BusError when there is no bus, or it does not let us in."""

    def __init__(self) -> None:
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        self.socket.settimeout(PATIENCE)
        self.serial = 0
        try:
            self.socket.connect(SOCKET)
            self.socket.sendall(b"\0AUTH EXTERNAL 30\r\n")
            if not self._line().startswith(b"OK "):
                raise BusError("", "the system bus does not let us in")
            self.socket.sendall(b"BEGIN\r\n")
            self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "Hello")
        except OSError as err:
            self.close()
            raise BusError("", f"the system bus: {safe(err)}") from None
        except BusError:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def call(
        self,
        service: str,
        path: str,
        method: str,
        *arguments: Argument,
        interface: str = "",
        body: Optional[tuple[str, bytes]] = None,
    ) -> None:
        """Call a method and wait for its answer. Raises BusError.

        body  signature and bytes of arguments of other kinds
        """
        self.serial += 1
        step("send")
        try:
            self.socket.sendall(
                encode(self.serial, service, path, interface or service, method, arguments, body)
            )
            while True:
                kind, serial, name, text = self._message()
                if serial == self.serial and kind in (_RETURN, _ERROR):
                    break
        except OSError as err:
            raise BusError("", f"{service}: {safe(err)}") from None
        if kind == _ERROR:
            raise BusError(name, safe(text, 300) or safe(name, 200))

    def _line(self) -> bytes:
        data = b""
        while not data.endswith(b"\r\n") and len(data) < 1024:
            data += self._read(1)
        return data

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise BusError("", "the system bus has ended the connection")
            data += piece
        return data

    def _message(self) -> tuple[int, int, str, str]:
        """(kind, the serial that it answers, name of an error, its text) of the next message."""
        head = self._read(16)
        order = _ORDERS.get(head[:1])
        if order is None:
            raise BusError("", "the system bus answers nonsense")
        body, fields = _number(head, 4, order), _number(head, 12, order)
        if body > LARGEST or fields > LARGEST:
            raise BusError("", "the system bus answers at too great a length")
        rest = self._read(_padded(fields, 8) + body)
        serial, name = _fields(rest[:fields], order)
        return head[1], serial, name, _first_text(rest[_padded(fields, 8) :], order)


_ORDERS = {b"l": "little", b"B": "big"}


def _number(data: bytes, at: int, order: str) -> int:
    return int.from_bytes(data[at : at + 4], "little" if order == "little" else "big")


def _padded(size: int, to: int) -> int:
    return -(-size // to) * to


def _fields(data: bytes, order: str) -> tuple[int, str]:
    """Which call a message answers and the name of its error, from its header's fields."""
    at, serial, name = 0, 0, ""
    while at + 4 <= len(data):
        at = _padded(at, 8)
        code, kind = data[at], data[at + 2 : at + 3]
        at += 4
        if kind == b"u":
            at = _padded(at, 4)
            if code == _REPLY_TO:
                serial = _number(data, at, order)
            at += 4
        elif kind == b"g":
            at += data[at] + 2
        else:
            at = _padded(at, 4)
            size = _number(data, at, order)
            if code == _ERROR_NAME:
                name = data[at + 4 : at + 4 + size].decode("utf-8", "replace")
            at += 4 + size + 1
    return serial, name


def _first_text(body: bytes, order: str) -> str:
    """The text that a body begins with: what an error says."""
    size = _number(body, 0, order) if len(body) >= 4 else 0
    return body[4 : 4 + size].decode("utf-8", "replace")


def encode(
    serial: int,
    service: str,
    path: str,
    interface: str,
    method: str,
    arguments: tuple[Argument, ...],
    made: Optional[tuple[str, bytes]] = None,
) -> bytes:
    """The message of a call, in little endian."""
    signature, body = made or ("", b"")
    for argument in arguments:
        signature += {str: "s", int: "u", bytes: "ay"}[type(argument)]
        body += bytes(_padded(len(body), 4) - len(body)) + _value(argument)
    fields = b""
    for code, kind, text in (
        (_PATH, "o", path),
        (_INTERFACE, "s", interface),
        (_MEMBER, "s", method),
        (_DESTINATION, "s", service),
        (_SIGNATURE, "g", signature),
    ):
        if text:
            fields += bytes(_padded(len(fields), 8) - len(fields)) + bytes([code, 1, ord(kind), 0])
            fields += _signature(text) if kind == "g" else _value(text)
    sizes = (len(body), serial, len(fields))
    head = b"l" + bytes([_CALL, 0, 1]) + b"".join(size.to_bytes(4, "little") for size in sizes)
    return head + fields + bytes(_padded(len(fields), 8) - len(fields)) + body


def _value(argument: Optional[Argument]) -> bytes:
    if isinstance(argument, int):
        return argument.to_bytes(4, "little")
    if isinstance(argument, bytes):
        return len(argument).to_bytes(4, "little") + argument
    data = (argument or "").encode()
    return len(data).to_bytes(4, "little") + data + b"\0"


def _signature(text: str) -> bytes:
    return bytes([len(text)]) + text.encode() + b"\0"
