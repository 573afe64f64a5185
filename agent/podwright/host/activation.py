# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that a service manager has opened for a pod, and which of its apps each one is for (C6).

A socket belongs to the port of an app that is `socketActivated`: the one that the socket is called by
(FileDescriptorName=), or else the one that is published on the port where it listens, or, unless
it is published, that has this number.
"""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.stage1.contract import Listening
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Optional

    from podwright.model.image import Port
    from podwright.model.pod import HostPort, PodManifest

FIRST = 3
"""The first descriptor (SD_LISTEN_FDS_START)."""
MOST = 1024
MANAGERS_OWN = ("unknown", "stored", "connection")
"""Names that sd_listen_fds_with_names(3) has for those without one."""


@value
class Socket:
    """A descriptor that was inherited.

    name      what its unit calls it, or ""
    protocol  tcp or udp; "" for others, which belong only to who they are named after
    port      where it listens, 0 for others
    """

    fd: int
    name: str = ""
    protocol: str = ""
    port: int = 0

    def shown(self) -> str:
        """For people."""
        where = f"{self.protocol} port {self.port}" if self.port else "no port"
        return f"socket {safe(self.name, 60)!r} on {where}" if self.name else f"a socket on {where}"


def inherited() -> tuple[Socket, ...]:
    """The sockets that are meant for this process; nobody after us is told of them."""
    mine = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    count = os.environ.pop("LISTEN_FDS", "")
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    if not mine or not count.isdigit() or int(count) > MOST:
        return ()
    return tuple(
        _look(FIRST + index, names[index] if index < len(names) else "")
        for index in range(int(count))
    )


def _look(fd: int, name: str) -> Socket:
    import _socket

    os.set_inheritable(fd, False)
    try:
        opened = _socket.socket(fileno=os.dup(fd))
    except OSError:
        return Socket(fd, name)
    try:
        return Socket(fd, name, *_place(opened))
    finally:
        opened.close()


def _place(opened: _socket.socket) -> tuple[str, int]:
    import _socket

    kinds = {_socket.SOCK_STREAM: "tcp", _socket.SOCK_DGRAM: "udp"}
    if opened.family not in (_socket.AF_INET, _socket.AF_INET6) or opened.type not in kinds:
        return "", 0
    return kinds[opened.type], opened.getsockname()[1]


def match(
    sockets: tuple[Socket, ...], manifest: PodManifest
) -> tuple[tuple[Listening, ...], list[str]]:
    """Whose each socket is, and warnings for people. Pure.

    Raises LaunchError for a socket that belongs to no app, since nobody would ever answer there.
    """
    ports = [
        (app.name, port) for app in manifest.apps for port in app.app.ports if port.socket_activated
    ]
    found, warnings = [], []
    for socket in sockets:
        owner = _named(socket, ports) or _published(socket, ports, manifest.ports)
        if owner is None:
            owner = _numbered(socket, ports, manifest.ports)
            if owner is not None:
                warnings.append(
                    f"app {owner[0]}: port {owner[1].name} gets {socket.shown()}, since it has that"
                    " number: publish it to say so"
                )
        if owner is None:
            raise LaunchError(
                f"{socket.shown()}, which the service manager has opened, belongs to no app",
                _hint(ports),
                object=socket.name or str(socket.port),
            )
        name = _told(socket.name, owner[0], owner[1].name)
        found.append(Listening(socket.fd, name, owner[0], owner[1].name))
    return tuple(found), warnings


def _told(name: str, app: str, port: str) -> str:
    """What the app hears of it: the port, unless somebody has chosen another name for its unit.

    A unit that says nothing gives all of its sockets its own name (systemd.socket(5)).
    """
    said_nothing = not name or name.endswith(".socket") or name in MANAGERS_OWN
    return port if said_nothing or name == f"{app}-{port}" else name


def _hint(ports: list[tuple[str, Port]]) -> str:
    if not ports:
        return (
            "no port of the pod's apps is socketActivated: the image or a --pod-manifest can say"
            " so, and for a named pod `sockets`"
        )
    known = ", ".join(f"{port.name} ({port.port}/{port.protocol})" for _, port in ports)
    return f"call it as a port (FileDescriptorName=), or publish one there; there are {known}"


def _named(socket: Socket, ports: list[tuple[str, Port]]) -> Optional[tuple[str, Port]]:
    """The port that it is called by, also as app-port; the protocol must be the port's."""
    for app, port in ports:
        if socket.name in (port.name, f"{app}-{port.name}") and socket.protocol in (
            "",
            port.protocol,
        ):
            return app, port
    return None


def _published(
    socket: Socket, ports: list[tuple[str, Port]], published: tuple[HostPort, ...]
) -> Optional[tuple[str, Port]]:
    for app, port in ports:
        for host in published:
            here = host.host_port <= socket.port < host.host_port + host.count
            if here and host.name == port.name and port.protocol == socket.protocol:
                return app, port
    return None


def _numbered(
    socket: Socket, ports: list[tuple[str, Port]], published: tuple[HostPort, ...]
) -> Optional[tuple[str, Port]]:
    elsewhere = {host.name for host in published}
    for app, port in ports:
        here = port.port <= socket.port < port.port + port.count
        if here and port.protocol == socket.protocol and port.name not in elsewhere:
            return app, port
    return None


def without(manifest: PodManifest, listening: tuple[Listening, ...]) -> PodManifest:
    """The pod without the published ports that the service manager listens on for it."""
    from podwright.values import replace

    taken = {one.port for one in listening}
    return replace(manifest, ports=tuple(p for p in manifest.ports if p.name not in taken))
