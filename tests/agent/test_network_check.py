# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`network check` finds what has gone missing of a running pod's network, and says nothing of what has not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

BROKEN = 254


@pytest.fixture
def pod(agent: Agent, lab: Keys, signed_image: Callable[..., Path]) -> None:
    """A running pod, called web, with a published port."""
    agent.trust(lab.key, "example.com")
    ports = [{"name": "web", "protocol": "tcp", "port": 80}]
    agent.ok("fetch", signed_image(app=aci.app(["/bin/sleep", "1000"], ports=ports)))
    wanted = {"name": "web", "image": "example.com/tiny:1.0", "ready": {"seconds": 0}}
    agent.apply({"pods": [{**wanted, "ports": [{"name": "web", "host_port": 8080}]}]})


def looked_at(agent: Agent) -> tuple[int, list[dict[str, Any]]]:
    done = agent("network", "check", "--format=json")
    return done.exit, json.loads(done.stdout)


def test_nothing_is_missing_of_a_pod_that_has_just_started(agent: Agent, pod: None) -> None:
    status, (found,) = looked_at(agent)
    assert (status, found["problems"], found["networks"]) == (0, [], ["default"])
    assert found["addresses"] == ["172.16.28.2", "fd70:6f64:7772:1c::2"]
    assert "as it was made" in agent.ok("network", "check", found["uuid"][:8])
    assert "does not run" in agent.refused("network", "check", "nobody")


DAMAGE = (
    ("nsenter --net=/proc/$PID/ns/net ip route del default", "eth0 lacks the route to 0.0.0.0/0"),
    ("nsenter --net=/proc/$PID/ns/net ip -4 addr flush dev eth0", "eth0 lacks 172.16.28.2/24"),
    ("nsenter --net=/proc/$PID/ns/net ip link set eth0 down", "eth0 is down"),
    ("sysctl -w net.ipv4.ip_forward=0", "the host does not forward IPv4"),
    ("nft delete element inet podwright sources4 '{ $LINK . 172.16.28.2 }'", "sources4"),
    ("nft delete table inet podwright", "table inet podwright is not there"),
    ("ip link delete $LINK", "link $LINK of the host is gone"),
)


def test_what_is_missing_is_named_one_thing_after_the_other(agent: Agent, pod: None) -> None:
    _, (found,) = looked_at(agent)
    seen = json.loads(agent.ok("status", found["uuid"], "--format=json"))
    for raw, expected in DAMAGE:
        command, said = (
            text.replace("$LINK", seen["networks"][0]["hostIf"]).replace("$PID", str(seen["pid"]))
            for text in (raw, expected)
        )
        assert not [one for one in found["problems"] if said in one], (command, found)
        agent.host.run(["sh", "-c", command]).check()
        status, (found,) = looked_at(agent)
        assert status == BROKEN
        assert [one for one in found["problems"] if said in one], (command, found)
    shown = agent("network", "check")
    assert shown.exit == BROKEN and found["problems"][0] in shown.stdout


def test_without_pods_it_says_so(agent: Agent) -> None:
    assert agent.ok("network", "check") == "no running pod has a network of its own\n"
    assert agent.ok("network", "check", "--format=json") == "[]\n"
