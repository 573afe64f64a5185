# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks by name: configured in net.d, chosen with --net, shown, refused before anything changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
TINY = "example.com/tiny:1.0"


@pytest.fixture
def tiny(agent: Agent, lab: Keys, signed_image: Build) -> str:
    """A stored image."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    return TINY


def configure(agent: Agent, file: str, name: str, subnet: str, **fields: Any) -> Path:
    """Write a configuration of type ptp as the administrator does."""
    ipam = {"type": "host-local", "subnet": subnet}
    path = agent.local / "net.d" / file
    path.parent.mkdir(exist_ok=True)
    raw = {"cniVersion": "1.0.0", "name": name, "type": "ptp", "ipam": ipam, **fields}
    path.write_text(json.dumps(raw))
    return path


def links(agent: Agent, net: str) -> dict[str, str]:
    """Links of a pod and their IPv4 addresses, as the pod sees them."""
    shell = ["--exec=/bin/sh", "--", "-c", "ip -o -4 addr"]
    out = agent.ok("run", f"--net={net}", TINY, *shell)
    rows = [line.split() for line in out.splitlines()]
    return {row[1]: row[3].partition("/")[0] for row in rows if row[1] != "lo"}


def untouched(agent: Agent) -> None:
    """No pod was made, not even half, and none has an address."""
    pods = agent.data / "pods"
    assert [path for path in pods.glob("*/*") if path.is_dir()] == []
    assert agent.host.run(["test", "-e", "/run/podwright/net"]).exit != 0


def test_a_pod_is_on_the_networks_that_it_names_in_the_order_of_their_files(
    agent: Agent, tiny: str
) -> None:
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    configure(agent, "20-front.conf", "front", "10.62.0.0/24")
    assert links(agent, "front") == {"eth0": "10.62.0.2"}
    assert links(agent, "front,back:IP=10.61.0.77") == {"eth0": "10.61.0.77", "eth1": "10.62.0.3"}
    every = links(agent, "all")
    assert [ip.rpartition(".")[0] for _, ip in sorted(every.items())] == [
        "10.61.0",
        "10.62.0",
        "172.31.0",
        "172.16.28",
    ]


def test_the_operators_default_is_the_default(agent: Agent, tiny: str) -> None:
    assert links(agent, "default") == {"eth0": "172.16.28.2"}
    path = configure(agent, "99-default.conf", "default", "10.63.0.0/24")
    assert links(agent, "default") == {"eth0": "10.63.0.2"}
    path.unlink()
    assert links(agent, "default")["eth0"].startswith("172.16.28.")


def test_private_net_is_the_same_option(agent: Agent, tiny: str) -> None:
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    command = ["run", tiny, "--exec=/bin/ip", "--", "-o", "-4", "addr"]
    for option, subnet in (("--private-net", "172.16.28."), ("--private-net=back", "10.61.0.")):
        assert f"inet {subnet}" in agent.ok(command[0], option, *command[1:])


def test_an_unknown_network_is_refused_before_anything_changes(agent: Agent, tiny: str) -> None:
    said = "podwright: network bakc: does not exist on this host; there are: "
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    for arguments in (["run", "--net=bakc", tiny], ["run", "--net=back,bakc", tiny]):
        assert agent.refused(*arguments) == (
            said + "back, default-restricted, default, host, none, all"
        )
    untouched(agent)
    uuid = agent.ok("prepare", "--quiet", tiny).strip()
    assert agent.refused("run-prepared", "--net=bakc", uuid).startswith(said)
    assert json.loads(agent.ok("status", "--format=json", uuid))["state"] == "prepared"
    pod = {"name": "web", "image": tiny, "net": ["back", "bakc"]}
    for options in ((), ("--check",)):
        done = agent("apply", *options, stdin=json.dumps({"pods": [pod]}))
        assert done.exit == 254
        assert json.loads(done.stdout)["error"]["message"] == said[11:].partition(";")[0]
    assert not (agent.data / "named" / "web").exists()
    agent.ok("rm", uuid)
    untouched(agent)


def test_the_default_network_gives_the_mac_address_that_is_asked_for(
    agent: Agent, tiny: str
) -> None:
    shell = ["--exec=/bin/ip", "--", "-o", "link", "show", "eth0"]
    said = agent.ok("run", "--net=default:MAC=06:00:00:00:00:01", tiny, *shell)
    assert "link/ether 06:00:00:00:00:01 " in said
    refused = agent.refused("run", "--net=default:MAC=zz", tiny)
    assert refused.startswith("podwright: network default: MAC: 'zz' is not a MAC address")


def test_a_file_that_others_can_write_is_believed_by_nobody(agent: Agent, tiny: str) -> None:
    """It could let pods out that the operator keeps in: what it says is not left out silently."""
    path = configure(agent, "50-default.conf", "default", "10.63.0.0/24")
    path.chmod(0o666)
    assert agent.refused("run", tiny) == (
        f"podwright: {path}: may be written by others (mode 0666); so nobody knows which network it"
        " is about, and no pod starts on any; correct it as root: only root may be able to write it;"
        " or move it away"
    )
    untouched(agent)
    assert agent("run", "--net=none", tiny, "--exec=/bin/true").exit == 0
    path.chmod(0o644)
    assert links(agent, "default") == {"eth0": "10.63.0.2"}


def test_a_directory_in_which_anybody_can_put_files_is_named(agent: Agent, tiny: str) -> None:
    """With a sticky bit it was believed, and an empty file of anybody kept every pod from starting."""
    folder = configure(agent, "10-back.conf", "back", "10.61.0.0/24").parent
    folder.chmod(0o1777)
    said = f"podwright: {folder}: may be written by others (mode 1777)"
    assert agent.refused("run", "--net=back", tiny).startswith(said)
    untouched(agent)
    network = {
        "name": "more",
        "type": "ptp",
        "ipam": {"type": "host-local", "subnet": "10.62.0.0/24"},
    }
    done = agent("apply", stdin=json.dumps({"networks": [{"name": "more", "config": network}]}))
    assert done.exit == 254 and "may be written by others (mode 1777)" in done.stdout
    assert [one.name for one in folder.iterdir()] == ["10-back.conf"]
    folder.chmod(0o755)
    assert links(agent, "back") == {"eth0": "10.61.0.2"}


def test_a_key_that_a_type_does_not_know_is_refused_by_file_and_name(
    agent: Agent, tiny: str
) -> None:
    path = configure(agent, "10-back.conf", "back", "10.61.0.0/24", ipMask=True)
    said = f"podwright: {path}: ipMask: type ptp has no such key; it has "
    assert agent.refused("run", "--net=back", tiny).startswith(said)
    untouched(agent)
    assert links(agent, "default") == {"eth0": "172.16.28.2"}
    done = agent("network", "inspect", "back")
    assert (done.exit, "ipMask: type ptp has no such key" in done.stdout) == (254, True)
    listed = agent("network", "list")
    assert listed.exit == 0
    assert "cannot be used" in listed.stdout
    assert "ipMask: type ptp has no such key" in listed.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"type": "bridge", "mtu": "1400"}, "bridge.mtu: must be a whole number, not a string"),
        ({"type": "ptpp"}, "network back: there is no plugin ptpp; did you mean ptp, which is "),
    ],
)
def test_a_pod_runs_on_when_it_is_to_be_on_a_network_that_cannot_be_had(
    agent: Agent, tiny: str, fields: dict[str, Any], said: str
) -> None:
    pod = {"name": "web", "image": tiny, "ready": {"seconds": 0.1}}
    before = agent.apply({"pods": [pod]})["pods"][0]
    configure(agent, "10-back.conf", "back", "10.61.0.0/24", **fields)
    for options in (("--check",), ()):
        done = agent("apply", *options, stdin=json.dumps({"pods": [{**pod, "net": "back"}]}))
        assert (done.exit, said in done.stderr) == (254, True), done
    after = agent.apply({"pods": [pod]})["pods"][0]
    assert (after["uuid"], after["changed"]) == (before["uuid"], False)
    listed = agent("network", "list")
    assert said in listed.stderr
    assert agent("network", "inspect", "back").exit == 254
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})


def test_a_second_file_for_a_network_is_told_of(agent: Agent, tiny: str) -> None:
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    second = configure(agent, "20-back.conf", "back", "10.62.0.0/24")
    done = agent("run", "--net=back", tiny, "--exec=/bin/ip", "--", "-o", "-4", "addr").check()
    assert "inet 10.61.0.2/" in done.stdout
    assert f"{second}: network back is already configured by 10-back.conf" in done.stderr


@pytest.mark.parametrize("net", ["host", "none"])
def test_ports_need_a_network_of_the_pods_own(agent: Agent, tiny: str, net: str) -> None:
    said = f"podwright: --port cannot be used with --net={net}; "
    assert agent.refused("run", f"--net={net}", "--port=http:8080", tiny).startswith(said)
    untouched(agent)


def test_list_and_inspect_tell_who_is_on_a_network(agent: Agent, tiny: str) -> None:
    path = configure(agent, "10-back.conf", "back", "10.61.0.0/24", mtu=1400)
    pod = {"name": "web", "image": tiny, "net": "default,back", "ready": {"seconds": 0.1}}
    agent.apply({"pods": [pod]})
    rows = [line.split("\t") for line in agent.ok("network", "list").splitlines()]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["NETWORK", "TYPE", "SUBNETS", "PODS", "SOURCE"],
        ["back", "ptp", "10.61.0.0/24", "1", str(path)],
        ["default-restricted", "ptp", "172.31.0.0/16,fd70:6f64:7772:1f::/64", "0", "built in"],
        ["default", "ptp", "172.16.28.0/24,fd70:6f64:7772:1c::/64", "1", "built in"],
    ]
    shown = agent.ok("network", "inspect", "back").splitlines()
    assert shown[:6] == [
        "back",
        f"  source:  {path}",
        "  type:    ptp",
        "  subnets: 10.61.0.0/24",
        "  pods:",
        "    web  eth0  10.61.0.2/24",
    ]
    found = json.loads(agent.ok("network", "inspect", "--format=json", "default", "back"))
    assert [one["name"] for one in found] == ["default", "back"]
    (on,) = found[1]["pods"]
    uuid = json.loads(agent.ok("status", "--format=json", "web"))["name"]
    assert (on["uuid"], on["name"], on["ifname"]) == (uuid, "web", "eth0")
    assert found[1]["config"]["plugins"][0]["mtu"] == 1400
    assert found[0]["pods"][0]["ifname"] == "eth1"

    # the configuration can go; the pod's own end knows what was made
    path.unlink()
    assert "does not exist on this host" in agent.refused("network", "inspect", "back")
    said = (
        "podwright: network host: is a word of --net and no network; a pod with it has the host's"
    )
    assert agent.refused("network", "inspect", "host").startswith(said)
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert json.loads(agent.ok("network", "list", "--format=json"))[1]["pods"] == []
    agent.ok("gc", "--grace-period=0s")
    untouched(agent)


def test_everybody_may_see_the_networks_but_not_who_is_on_them(agent: Agent, tiny: str) -> None:
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    pod = {"name": "web", "image": tiny, "net": "back", "ready": {"seconds": 0.1}}
    agent.apply({"pods": [pod]})
    command = [*agent.command, "network", "list", "--format=json"]
    as_user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
    for directory in (agent.local, *agent.local.parents):
        if directory.stat().st_mode & 0o5 != 0o5:
            directory.chmod(0o755)
    found = json.loads(agent.host.run([*as_user, *command]).check().stdout)
    assert [one["name"] for one in found] == ["back", "default-restricted", "default"]
    assert {one["pods"] for one in found} == {None}
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})


def test_networks_and_their_pods_come_and_go_in_one_desired_state(agent: Agent, tiny: str) -> None:
    config = {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.61.0.0/24"}}
    pod = {"name": "web", "image": tiny, "net": ["back"], "ready": {"seconds": 0.1}}
    wanted = {"networks": [{"name": "back", "config": config}], "pods": [pod]}
    would = agent.apply(wanted, "--check", "--diff")
    assert (would["changed"], would["networks"][0]["action"]) == (True, "write")
    assert not (agent.local / "net.d").exists()
    done = agent.apply(wanted, "--diff")
    assert done["diff"]["after"]["networks"] == would["diff"]["after"]["networks"]
    assert done["pods"][0]["ip"] == "10.61.0.2"
    assert agent.apply(wanted)["changed"] is False

    gone = {"networks": [{"name": "back", "state": "absent"}]}
    alone = agent("apply", stdin=json.dumps(gone))
    assert json.loads(alone.stdout)["error"]["message"] == "network back: is used by pod web"
    for last in ({**pod, "net": "none"}, {"name": "web", "state": "absent"}):
        assert agent.apply({**gone, "pods": [last]}, "--check")["changed"] is True
    moved = agent.apply({**gone, "pods": [{**pod, "net": "none"}]})
    assert moved["networks"][0]["action"] == "remove"
    assert list((agent.local / "net.d").iterdir()) == []
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})


def test_a_taken_port_is_found_before_the_old_pod_stops_on_any_network(
    agent: Agent, lab: Keys, signed_image: Build
) -> None:
    agent.trust(lab.key, "example.com")
    app = aci.app(["/bin/sleep", "3600"], ports=[{"name": "http", "protocol": "tcp", "port": 80}])
    agent.ok("fetch", signed_image(version="2.0", app=app))
    configure(agent, "10-back.conf", "back", "10.61.0.0/24")
    ready = {"image": "example.com/tiny:2.0", "net": "back", "ready": {"seconds": 0.1}}
    first = {**ready, "name": "first", "ports": [{"name": "http", "host_port": 8080}]}
    second = {**ready, "name": "second", "net": "default,back"}
    agent.apply({"pods": [first, second]})
    (before,) = agent.apply({"pods": [second]})["pods"]
    done = agent("apply", stdin=json.dumps({"pods": [{**second, "ports": first["ports"]}]}))
    assert "tcp port 8080: is already in use by pod first" in done.stderr
    (after,) = agent.apply({"pods": [second]})["pods"]
    assert (after["uuid"], after["changed"]) == (before["uuid"], False)
    agent.apply({"pods": [{"name": name, "state": "absent"} for name in ("first", "second")]})
