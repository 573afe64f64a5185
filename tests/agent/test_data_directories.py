# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two data directories on one host share its addresses, ports and firewall table, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.webserver import ImageServer

IMAGE = "example.com/tiny:1.0"
SERVE = 'echo "$WHO" >/who; exec httpd -f -p 8080 -h /'
ABSENT = {"pods": [{"name": "web", "state": "absent"}]}
Publish = Callable[..., Path]


@pytest.fixture
def agents(
    agent: Agent, https_server: ImageServer, published: Publish, lab: Keys, tmp_path: Path
) -> list[Agent]:
    """Two agents of one host, each with directories of its own."""
    port = {"name": "http", "protocol": "tcp", "port": 8080}
    published(app=aci.app(["/bin/sh", "-c", SERVE], ports=[port]))
    second = Agent(agent.host, tmp_path / "second")
    second.accept_certificates_of(https_server)
    for each in (agent, second):
        each.trust(lab.key, "example.com")
    return [agent, second]


def web(who: str, port: int) -> dict[str, Any]:
    """A pod that says who it is at a port of the host; both agents name theirs the same."""
    body = {
        "name": "web",
        "image": IMAGE,
        "environment": {"WHO": who},
        "ports": [{"name": "http", "host_port": port}],
        "ready": {"tcp": 8080},
    }
    return {"pods": [body]}


def says(agent: Agent, port: int) -> str:
    """What is served at a published port."""
    with agent.host.connect("127.0.0.1", port) as connection:
        connection.sendall(b"GET /who HTTP/1.0\r\n\r\n")
        return connection.makefile("rb").read().decode().splitlines()[-1]


def address(agent: Agent) -> str:
    """The address of the agent's pod."""
    status = json.loads(agent.ok("status", "web", "--format=json"))
    return str(status["networks"][0]["ip"])


def rules(agent: Agent) -> str:
    """The whole firewall of the host."""
    return agent.host.run(["nft", "list", "ruleset"]).check().stdout


def test_each_has_its_pods_and_ending_one_leaves_the_other(agents: list[Agent]) -> None:
    first, second = agents
    first.apply(web("first", 8081))
    second.apply(web("second", 8082))
    gone, stays = address(first), address(second)
    assert gone != stays
    assert (says(first, 8081), says(first, 8082)) == ("first", "second")
    for each in agents:
        each.ok("gc", "--grace-period=0s")
    assert (says(first, 8081), says(first, 8082)) == ("first", "second")
    first.apply(ABSENT)
    first.ok("gc", "--grace-period=0s")
    assert gone not in rules(first) and stays in rules(first)
    assert says(first, 8082) == "second"
    with pytest.raises(ConnectionRefusedError):
        says(first, 8081)
    second.apply(ABSENT)
    second.ok("gc", "--grace-period=0s")
    assert rules(first) == ""
    assert first.host.run(["ls", "/run/podwright"]).exit != 0


def test_a_port_of_the_other_is_taken_and_its_holder_named(agents: list[Agent]) -> None:
    first, second = agents
    first.apply(web("first", 8081))
    refusal = second("apply", stdin=json.dumps(web("second", 8081)))
    assert refusal.exit == 254
    assert refusal.stderr.splitlines()[-1] == (
        f"podwright: tcp port 8081: is already in use by pod web in {first.data}/pods/run;"
        " choose another host port, or stop what uses it"
    )
    assert says(first, 8081) == "first"


def test_what_a_killed_pod_left_is_collected_by_either(agents: list[Agent]) -> None:
    first, second = agents
    first.apply(web("first", 8081))
    lost = address(first)
    (pod,) = (first.data / "pods" / "run").iterdir()
    first.host.run(["kill", "-KILL", (pod / "ppid").read_text().strip()]).check()
    first.ok("status", "--wait=30s", pod.name)
    assert lost in rules(second)
    second.ok("gc", "--grace-period=0s")
    assert lost not in rules(second)
    assert first.host.run(["ls", "/run/podwright"]).exit != 0
