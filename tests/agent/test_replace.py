# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod is replaced while it runs, as clients on another host see it: nginx, IPv4 and IPv6, without systemd."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import software_image
from tests.support.network_lab import TINY, Lab, wait_until

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

    def __init__(self, wrap: Sequence[str], address: str, path: Path) -> None:
        self.path = path
        command = [*wrap, "/usr/bin/python3", "-c", CLIENT, address, "8080", str(path)]
        self.process = subprocess.Popen(command)

    def said(self) -> list[str]:
        """What came, each with the number of the first request that it answered."""
        try:
            return [line.split(" ", 1)[1] for line in self.path.read_text().splitlines()]
        except FileNotFoundError:
            return []

    def await_answer(self, text: str) -> None:
        """Wait until it has come."""
        wait_until(lambda: text in self.said(), f"{self.path.name}: no {text}")

    def end(self) -> None:
        """Ask no more."""
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
    wrap = hosts.outside.wrapped()
    clients = [Client(wrap, hosts.one.address(of), tmp_path / f"{of}") for of in (4, 6)]
    try:
        for client in clients:
            client.await_answer("1")
        predicted = agent.apply(pod("2"), "--check", "--diff")
        answer = agent.apply(pod("2"), "--diff")
        assert answer["pods"][0]["actions"] == ["prepare", "start", "stop"]
        assert predicted["pods"][0]["actions"] == answer["pods"][0]["actions"]
        assert predicted["diff"] == answer["diff"]
        for client in clients:
            client.await_answer("2")
    finally:
        for client in clients:
            client.end()
    assert [client.said() for client in clients] == [["1", "2"], ["1", "2"]]
    after = json.loads(agent.ok("status", "web", "--format=json"))
    assert after["name"] != before["name"]
    assert agent.apply(pod("2"))["changed"] is False


def test_one_that_does_not_become_ready_is_ended_and_nothing_has_changed(hosts: Lab) -> None:
    agent = hosts.one.agent
    agent.apply(pod("1"))
    before = json.loads(agent.ok("status", "web", "--format=json"))
    result = agent("apply", stdin=json.dumps(pod("2", exec=["/bin/sh", "-c", "exit 7"])))
    answer = json.loads(result.stdout)
    assert (result.exit, answer["pods"][0]["rolled_back"]) == (254, True)
    error = answer["error"]
    assert error["reason"] == "not-ready" and "status 7" in error["message"], error
    assert "revision 1 runs on" in error["hint"]
    now = json.loads(agent.ok("status", "web", "--format=json"))
    assert (now["name"], now["pid"]) == (before["name"], before["pid"])
    assert hosts.outside.curl(hosts.one.address(4), 8080) == "1"
    first, second = json.loads(agent.ok("history", "web", "--format=json"))
    assert (first["current"], first["outcome"]) == (True, "ready")
    assert (second["outcome"], second["current"]) == ("rolled-back", False)
    assert "status 7" in second["why"]
    failed = json.loads(agent.ok("status", second["uuid"], "--format=json"))
    assert failed["state"] == "exited", "it is kept for whoever wants to know why"
    assert second["uuid"] in error["hint"]
    agent.ok("--debug", "restart", "web")
    assert agent("status", second["uuid"]).exit == 0, "a restart does not remove it either"
    agent.ok("gc", "--grace-period=0s")
    assert agent("status", second["uuid"]).exit != 0


def test_other_pods_follow_the_name(hosts: Lab) -> None:
    """The hosts file of another pod on the network names the old one until the new one is ready."""
    agent = hosts.one.agent
    other = hosts.one.run("other", "exec sleep 100000")
    try:
        agent.apply(pod("1"))

        def named() -> list[str]:
            text = (other.directory / "hosts").read_text()
            return [
                line.split()[0] for line in text.splitlines() if " web" in line and line[0] != "#"
            ]

        def addresses() -> list[str]:
            now = json.loads(agent.ok("status", "web", "--format=json"))
            return [one.partition("/")[0] for one in now["networks"][0]["addresses"]]

        first = addresses()
        assert named() == first
        slow = f"sleep 1; {SERVER}"
        agent.apply(pod("2", exec=["/bin/sh", "-c", slow]))
        assert named() == addresses() != first
        assert hosts.outside.curl(hosts.one.address(6), 8080) == "2"
    finally:
        other.stop()


@pytest.mark.parametrize(
    "changes, shared",
    [
        ({"net": "host", "ports": None}, "the host's network"),
        (
            {"volumes": [{"name": "data", "kind": "host", "source": "/srv"}]},
            "/srv, which they can write to (volume data)",
        ),
        ({"net": "default:IP=172.16.28.77"}, "IP=172.16.28.77 on network default"),
        ({"stage1": "fly", "ports": None}, "all of the host, which is what fly is for"),
    ],
)
def test_what_is_shared_is_named_and_auto_stops_first(
    hosts: Lab, changes: dict[str, Any], shared: str
) -> None:
    agent = hosts.one.agent
    for options in ((), ("--check",)):
        result = agent("apply", *options, stdin=json.dumps(pod("1", **changes)))
        assert result.exit == 254
        error = json.loads(result.stdout)["error"]
        assert error["message"].endswith(f"they would share {shared}"), error
        assert error["reason"] == "shared"
    agent.apply(pod("1", replace="auto"))
    answer = agent.apply(pod("2", replace="auto", **changes), "--check")
    assert answer["pods"][0]["actions"] == ["prepare", "stop", "start"]


def test_back_to_an_earlier_revision_and_back_again(hosts: Lab) -> None:
    agent, address = hosts.one.agent, hosts.one.address(4)
    agent.apply(pod("1"))
    assert agent("rollback", "web").exit == 254, "there is none before it"
    (parent,) = (agent.data / "pods/run").glob("*/ppid")
    name = f"/proc/{parent.read_text().strip()}/comm"
    wait_until(lambda: hosts.one.says("cat", name) == "podwright-wait\n", "its parent is not small")
    agent.apply(pod("2"))
    agent.apply(pod("3"))
    assert "would go back to revision 2" in agent.ok("rollback", "web", "--check")
    assert hosts.outside.curl(address, 8080) == "3"
    assert "went back to revision 2" in agent.ok("rollback", "web")
    assert hosts.outside.curl(address, 8080) == "2"
    agent.ok("rollback", "web", "--to=3")
    assert hosts.outside.curl(address, 8080) == "3"
    assert "is as revision 3 was" in agent.ok("rollback", "web", "--to=3")
    found = json.loads(agent.ok("history", "web", "--format=json"))
    shown = [(one["revision"], one["by"], one["source"], one["current"]) for one in found]
    assert shown == [(3, "apply", 0, False), (4, "rollback", 2, False), (5, "rollback", 3, True)]
    assert found[-1]["images"][0]["image"] == software_image.NAME
    table = agent.ok("history", "web").splitlines()
    assert table[0].split()[:3] == ["REVISION", "CREATED", "OUTCOME"]
    assert "STAGE1" in table[0] and "namespaces" in table[-1]
    assert "rollback to 3" in table[-1] and "current, ready" in table[-1]
    refused = agent("rollback", "web", "--to=1")
    assert "revision 1 is not kept; there are: 3, 4, 5" in refused.stderr


STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "24"))
"""Every how many steps a call is killed, as in `test_crash`; 1 takes minutes."""
OTHER_SERVER = "mkdir -p /www; echo -n $REVISION >/www/index.html; exec httpd -f -p 80 -h /www"


def small(revision: str) -> dict[str, Any]:
    """The same with a small server, which starts quickly."""
    command = ["/bin/sh", "-c", OTHER_SERVER]
    return pod(revision, image=TINY, exec=command, ready={"tcp": 80, "interval": 0.05})


@pytest.mark.threat("T82")
def test_killed_anywhere_while_it_replaces_a_pod_it_converges(hosts: Lab, tmp_path: Path) -> None:
    """And somebody serves all the time: the old one, or the new one."""
    agent, address = hosts.one.agent, hosts.one.address(4)
    agent.apply(small("1"))
    counted = tmp_path / "steps"
    agent(
        "apply", stdin=json.dumps(small("2")), env={"PODWRIGHT_FAULT": f"count@{counted}"}
    ).check()
    total = len(counted.read_text().splitlines())
    assert total > 30
    revision = 2
    for number in range(1 + STRIDE // 4, total + 1, max(1, STRIDE // 2)):
        revision += 1
        wanted = json.dumps(small(str(revision)))
        agent("apply", stdin=wanted, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        assert hosts.outside.curl(address, 8080) in (str(revision - 1), str(revision)), number
        predicted = json.loads(agent.ok("apply", "--check", stdin=wanted))
        answer = json.loads(agent.ok("apply", stdin=wanted))
        assert answer["pods"][0]["actions"] == predicted["pods"][0]["actions"], number
        assert hosts.outside.curl(address, 8080) == str(revision), number
        running = [
            one["pod_name"]
            for one in json.loads(agent.ok("list", "--format=json"))
            if one["state"] == "running"
        ]
        assert running == ["web"], number
        assert json.loads(agent.ok("apply", stdin=wanted))["changed"] is False, number
        assert not (agent.data / "named/web/succession").exists()
    agent.ok("stop", "web")
    agent.ok("start", "web")
    assert hosts.outside.curl(address, 8080) == str(revision)
