# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose an inherited socket is; units of cgroups; calls of the system bus."""

from __future__ import annotations

import pytest

from podwright.errors import LaunchError
from podwright.host import activation, bus, machined
from podwright.host.activation import Socket
from podwright.model.pod import PodManifest, parse_pod

HTTP = {"name": "http", "protocol": "tcp", "port": 80, "socketActivated": True}
DNS = {"name": "dns", "protocol": "udp", "port": 53, "socketActivated": True}
PLAIN = {"name": "plain", "protocol": "tcp", "port": 81}


def manifest(**published: int) -> PodManifest:
    apps = [
        {
            "name": name,
            "image": {"id": "sha512-" + "0" * 64},
            "app": {"exec": ["/a"], "user": "0", "group": "0", "ports": ports},
        }
        for name, ports in {"web": [HTTP, PLAIN], "names": [DNS]}.items()
    ]
    ports = [{"name": name, "hostPort": number} for name, number in published.items()]
    kind = {"acKind": "PodManifest", "acVersion": "0.8.11"}
    return parse_pod({**kind, "apps": apps, "ports": ports})


@pytest.mark.parametrize(
    ("socket", "published", "app", "warns", "told"),
    [
        (Socket(3, "http", "tcp", 9), {}, "web", False, "http"),
        (Socket(3, "web-http"), {}, "web", False, "http"),
        (Socket(3, "a.socket", "tcp", 8080), {"http": 8080}, "web", False, "http"),
        (Socket(3, "chosen", "tcp", 8080), {"http": 8080}, "web", False, "chosen"),
        (Socket(3, "a.socket", "udp", 53), {}, "names", True, "dns"),
        (Socket(3, "unknown", "tcp", 80), {}, "web", True, "http"),
        (Socket(3, "", "tcp", 80), {}, "web", True, "http"),
    ],
)
def test_a_socket_finds_its_app(
    socket: Socket, published: dict[str, int], app: str, warns: bool, told: str
) -> None:
    """Which hears its port's name: that of the unit, which all its sockets have, says nothing."""
    (found,), warnings = activation.match((socket,), manifest(**published))
    assert found.name == told
    assert (found.app, found.fd) == (app, 3) and bool(warnings) is warns
    left = activation.without(manifest(**published), (found,))
    assert all(port.name != found.port for port in left.ports)


@pytest.mark.parametrize(
    "socket",
    [
        Socket(3, "plain", "tcp", 81),
        Socket(3, "", "udp", 80),
        Socket(3, "http", "udp", 80),
        Socket(3, "x", "tcp", 80),
        Socket(3, "\x1b[31m"),
    ],
)
def test_a_socket_for_nobody_is_refused(socket: Socket) -> None:
    with pytest.raises(LaunchError, match="belongs to no app") as caught:
        activation.match((socket,), manifest(http=8080))
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/a.service/payload\n", "a.service"),
        ("2:cpu:/x.service\n1:name=systemd:/user.slice/session-4.scope\n", "session-4.scope"),
        ("0::/machine.slice/run-r1.scope\n", "run-r1.scope"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_the_unit_of_a_process(text: str, unit: str) -> None:
    assert machined.own_unit(text) == unit


def test_a_call_is_what_the_specification_says() -> None:
    """Lengths, padding and signature, byte for byte (D-Bus specification, "Message Format")."""
    made = bus.encode(7, "a.b", "/p", "a.b", "M", ("x", b"\x01\x02", 5))
    assert made[:4] == b"l\x01\x00\x01"
    body, serial, fields = (int.from_bytes(made[at : at + 4], "little") for at in (4, 8, 12))
    assert serial == 7 and len(made) == 16 + -(-fields // 8) * 8 + body
    assert made[-body:] == b"\1\0\0\0x\0\0\0" + b"\2\0\0\0\1\2\0\0" + b"\5\0\0\0"
    assert b"\x08\x01g\x00\x04says"[:4] in made and b"\x04sayu\0" in made
    assert b"\x01\x01o\x00\x02\0\0\0/p\0" in made
