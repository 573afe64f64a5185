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
PROTOCOLS = ("tcp", "udp", "sctp")


@pytest.fixture
def pod(agent: Agent, lab: Keys, signed_image: Callable[..., Path]) -> None:
    """A running pod, called web, with published ports."""
    agent.trust(lab.key, "example.com")
    ports = [{"name": name, "protocol": name, "port": 80} for name in PROTOCOLS]
    agent.ok("fetch", signed_image(app=aci.app(["/bin/sleep", "1000"], ports=ports)))
    wanted = {"name": "web", "image": "example.com/tiny:1.0", "ready": {"seconds": 0}}
    agent.apply(
        {"pods": [{**wanted, "ports": [{"name": name, "host_port": 8080} for name in PROTOCOLS]}]}
    )


def looked_at(agent: Agent) -> tuple[int, list[dict[str, Any]]]:
    done = agent("network", "check", "--format=json")
    return done.exit, json.loads(done.stdout)


def test_nothing_is_missing_of_a_pod_that_has_just_started(agent: Agent, pod: None) -> None:
    status, (found,) = looked_at(agent)
    assert (status, found["problems"], found["networks"]) == (0, [], ["default"])
    assert found["addresses"] == ["172.16.28.2", "fd70:6f64:7772:1c::2"]
    assert "as it was made" in agent.ok("network", "check", found["uuid"][:8])
    assert "does not run" in agent.refused("network", "check", "nobody")
    hidden = "for one in protocols services; do mount --bind /dev/null /etc/$one; done"
    call = ("unshare", "--mount", "sh", "-ec", f'{hidden}; exec "$@"', "sh", *agent.command)
    shown = agent.host.run([*call, "network", "check"])
    assert "as it was made" in shown.stdout, "a host without these files has no other firewall"


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


CUT_OFF = (
    ("default", "ip link set $LINK down; ip link set $LINK up", "$LINK of the host lacks the route to $IP/32"),
    ("default", "ip link set $LINK down", "$LINK of the host is down"),
    ("default", "ip route flush table main", "$LINK of the host lacks the route to $IP/32"),
    ("default", "ip address flush dev $LINK", "$LINK of the host lacks 172.16.28.1"),
    ("shop", "ip link set $LINK nomaster", "$LINK of the host is no port of bridge shop0"),
    ("shop", "ip link set $LINK down", "$LINK of the host is down"),
    ("shop", "ip link set shop0 down", "shop0 of the host is down"),
    ("shop", "ip address flush dev shop0", "shop0 of the host lacks 10.20.0.1"),
    ("shop", "ip route flush table main", "shop0 of the host lacks the route to 10.20.0.0/24"),
    ("shop", "ip link delete shop0", "shop0 of the host is gone"),
)  # fmt: skip


@pytest.mark.parametrize("net", ["default", "shop"])
def test_a_pod_that_is_cut_off_on_the_host_is_not_as_it_was_made(
    agent: Agent, lab: Keys, signed_image: Callable[..., Path], net: str
) -> None:
    """Its end down, off its bridge, the bridge down or without addresses, no routes to it: nothing was said."""
    folder = agent.local / "net.d"
    folder.mkdir()
    shop = {"cniVersion": "1.0.0", "name": "shop", "type": "bridge", "bridge": "shop0"}
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": one}] for one in ("10.20.0.0/24", "fd20::/64")],
    }
    (folder / "50-shop.conf").write_text(json.dumps({**shop, "isGateway": True, "ipam": ipam}))
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image(app=aci.app(["/bin/sleep", "1000"])))
    wanted = {"name": "web", "image": "example.com/tiny:1.0", "ready": {"seconds": 0}, "net": net}
    for command, said in [(command, said) for of, command, said in CUT_OFF if of == net]:
        agent.apply({"pods": [wanted]})
        status, (found,) = looked_at(agent)
        assert (status, found["problems"]) == (0, []), command
        seen = json.loads(agent.ok("status", found["uuid"], "--format=json"))
        link = seen["networks"][0]["hostIf"]
        agent.host.run(["sh", "-c", command.replace("$LINK", link)]).check()
        status, (found,) = looked_at(agent)
        assert status == BROKEN
        said = said.replace("$LINK", link).replace("$IP", found["addresses"][0])
        assert f"link {said}" in found["problems"], (command, found)
        agent.ok("stop", "web")


def test_somebody_else_is_told_to_use_sudo(agent: Agent, pod: None) -> None:
    """It said no more than that permission is denied."""
    done = agent.host.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *agent.command, "network", "check"]
    )
    assert (done.exit, done.stdout) == (BROKEN, "")
    assert done.stderr == (
        "podwright: network check must be run as root; try: sudo podwright network check ...\n"
    )


def test_without_pods_it_says_so(agent: Agent) -> None:
    assert agent.ok("network", "check") == "no running pod has a network of its own\n"
    assert agent.ok("network", "check", "--format=json") == "[]\n"
