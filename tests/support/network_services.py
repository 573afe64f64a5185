# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services in any network namespace, served from this process, that say who they are and who asks.

with Services() as services:
    services.tcp(host, "127.0.0.1", 7001, "host's loopback")
    services.udp(pod, "::", 53, "pod's DNS")
    services.abstract(host, "bus", "host's bus")
    assert ask(pod, "tcp", "172.16.28.1", 7001) == "host's loopback 172.16.28.2"
"""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

from tests.support.network_lab import Place

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Services:
    """See the module."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, "")
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def tcp(self, place: Place, address: str, port: int, name: str) -> None:
        """Answer connections with `NAME CLIENT` and close them."""
        self._add(place.socket(lambda: _bound("tcp", address, port)), name)

    def udp(self, place: Place, address: str, port: int, name: str) -> None:
        """Answer datagrams with `NAME CLIENT`."""
        self._add(place.socket(lambda: _bound("udp", address, port)), name)

    def abstract(self, place: Place, path: str, name: str) -> None:
        """Answer connections to an abstract Unix socket."""

        def make() -> socket.socket:
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.bind(f"\0{path}")
            server.listen()
            return server

        self._add(place.socket(make), name)

    def _add(self, server: socket.socket, name: str) -> None:
        self._selector.register(server, selectors.EVENT_READ, name)
        self._wake.send(b".")

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                server = key.fileobj
                assert isinstance(server, socket.socket)
                if server is self._woken:
                    if not server.recv(100):
                        return
                else:
                    _answer(server, str(key.data))

    def __enter__(self) -> Services:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._wake.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def _bound(kind: str, address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, KINDS[kind])
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((address, port))
    if kind == "tcp":
        server.listen(64)
    return server


def _answer(server: socket.socket, name: str) -> None:
    if server.type == socket.SOCK_DGRAM:
        _, client = server.recvfrom(1000)
        server.sendto(f"{name} {client[0]}".encode(), client)
        return
    connection, client = server.accept()
    with connection:
        asker = client[0] if client and isinstance(client, tuple) else ""
        connection.sendall(f"{name} {asker}".strip().encode())


class Probe:
    """One question under way: `answer` is None as long as nothing is known."""

    def __init__(
        self, place: Place, kind: str, address: str, port: int = 0, source: str = ""
    ) -> None:
        self.answer: str | None = None
        self._kind = kind
        self._sent = False
        self.socket = place.socket(lambda: self._begin(address, port, source))

    def _begin(self, address: str, port: int, source: str) -> socket.socket:
        if self._kind == "unix":
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            target: str | tuple[str, int] = f"\0{address}"
        else:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            client = socket.socket(family, KINDS[self._kind])
            target = (address, port)
        client.setblocking(False)
        try:
            if source:
                client.bind((source, 0))
            client.connect(target)
            if self._kind == "udp":
                client.send(b"?")
        except BlockingIOError:
            pass
        except OSError as err:
            self._failed(err)
        return client

    def _failed(self, err: OSError) -> None:
        self.answer = f"- {err.strerror}"

    def look(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(1000)
        except BlockingIOError:
            return
        except OSError as err:
            self._failed(err)
            return
        self.answer = data.decode() or "- closed"

    @property
    def reached(self) -> bool:
        """Whether the service has answered."""
        return self.answer is not None and not self.answer.startswith("-")


def settle(probes: list[Probe], enough: Callable[[], bool], least: float, most: float) -> None:
    """Wait until every probe knows, or `least` seconds are over and it is `enough`, or at last `most`."""
    begin = time.monotonic()
    while pending := [probe for probe in probes if probe.answer is None]:
        passed = time.monotonic() - begin
        if passed > most or (passed > least and enough()):
            break
        poll = select.poll()
        for probe in pending:
            poll.register(probe.socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        ready = {fd for fd, _ in poll.poll(50)}
        for probe in pending:
            if probe.socket.fileno() in ready:
                probe.look()


def ask(
    place: Place, kind: str, address: str, port: int = 0, *, source: str = "", least: float = 20
) -> str:
    """Ask one service and return what it says; `- why` when it does not answer within `least` seconds."""
    probe = Probe(place, kind, address, port, source)
    settle([probe], lambda: True, least, least)
    probe.socket.close()
    return probe.answer if probe.answer is not None else "- no answer"


def denied(place: Place, kind: str, address: str, port: int = 0, *, source: str = "") -> bool:
    """Whether a service does not answer, within the time in which others do by far."""
    return ask(place, kind, address, port, source=source, least=0.7).startswith("-")
