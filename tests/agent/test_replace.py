# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod is replaced while it runs, as clients on another host see it: nginx, IPv4 and IPv6, without systemd."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import software_image
from tests.support.network_lab import PATIENCE, Lab, wait_until

CLIENT = """
import socket, sys
address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
asked, seen = 0, ""
while True:
    try:
        with socket.create_connection((address, port), 30) as sock:
            sock.settimeout(30)
            sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            text = b""
            while block := sock.recv(4096):
                text += block
        said = text.rpartition(b"\\r\\n\\r\\n")[2].decode()
        assert text.startswith(b"HTTP/1.1 200"), text
    except Exception as err:
        said = f"failed: {err!r}"
    asked += 1
    if said != seen:
        seen = said
        with open(path, "a") as file:
            file.write(f"{asked} {said}\\n")
"""
CONF = (
    "user www-data; daemon off; pid /run/nginx.pid; error_log stderr; events {} http { access_log off;"
    " server { listen 80; listen [::]:80; location / { return 200 $REVISION; } } }"
)
SERVER = f'echo "{CONF}" >/run/conf; exec nginx -c /run/conf'


def pod(revision: str, **changes: Any) -> dict[str, Any]:
    """A desired state with one web server that says which revision it is."""
    body = {
        "name": "web",
        "image": software_image.NAME,
        "exec": ["/bin/sh", "-c", SERVER],
        "environment": {"REVISION": revision},
        "ports": [{"name": "http", "host_port": 8080}],
        "ready": {"tcp": 80},
        "replace": "start-first",
        **changes,
    }
    return {"pods": [{key: given for key, given in body.items() if given is not None}]}


class Client:
    """Asks a server without a pause from another host; `said` are the answers, without repetitions."""

    def __init__(self, lab: Lab, family: int, path: Path) -> None:
        self.path = path
        address = lab.one.address(family)
        command = lab.outside.wrapped("/usr/bin/python3", "-c", CLIENT, address, "8080", str(path))
        self.process = subprocess.Popen(command)

    def said(self) -> list[str]:
        """What came, each with the number of the first request that it answered."""
        try:
            return [line.split(" ", 1)[1] for line in self.path.read_text().splitlines()]
        except FileNotFoundError:
            return []

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("replace"), lab.key, software=True) as made:
        yield made


@pytest.fixture
def hosts(network: Lab) -> Iterator[Lab]:
    """The lab; no pod is left at the end."""
    before = network.one.ledger()
    yield network
    agent = network.one.agent
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    agent.ok("gc", "--grace-period=0s")
    agent.ok("gc", "--grace-period=0s")
    assert network.one.settled(before) == before


def test_clients_notice_nothing_when_the_new_one_starts_first(hosts: Lab, tmp_path: Path) -> None:
    agent = hosts.one.agent
    agent.apply(pod("1"))
    before = json.loads(agent.ok("status", "web", "--format=json"))
    clients = [Client(hosts, family, tmp_path / f"{family}") for family in (4, 6)]
    try:
        for client in clients:
            wait_until(lambda: client.said() == ["1"], "no answer")
        answer = agent.apply(pod("2"))
        assert answer["pods"][0]["actions"] == ["prepare", "start", "stop"]
        for client in clients:
            wait_until(lambda: "2" in client.said(), "no answer")
    finally:
        for client in clients:
            client.end()
    assert [client.said() for client in clients] == [["1", "2"], ["1", "2"]]
    after = json.loads(agent.ok("status", "web", "--format=json"))
    assert after["name"] != before["name"]
    assert agent.apply(pod("2"))["changed"] is False
