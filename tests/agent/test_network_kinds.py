# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of every built-in type: who reaches whom on them, and what is left when they end (behaviour.md D4)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import (
    HOST,
    METADATA,
    OUTSIDE,
    Bed,
    Namespace,
    Pod,
    ask,
    refused,
    serving,
)
from tests.support.namespaces import in_network_of
from tests.support.network_lab import wait_until

STEPS = 60
SO_RCVBUFFORCE = 33
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
IPAM = {
    "type": "host-local",
    "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]],
    "routes": ROUTES,
}
BRIDGE = {"type": "bridge", "bridge": "cni9", "isGateway": True, "ipMasq": True, "ipam": IPAM}
WIRED = {"type": "host-local", "subnet": "192.0.2.0/25", "rangeStart": "192.0.2.20"}


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        yield made


def start(bed: Bed, net: str, *ports: str, name: str = "web") -> Pod:
    pod = bed.launch(name, ports, net=net)
    assert pod.up, pod.answer or pod.close()
    return pod


def in_pod(bed: Bed, pod: Pod, *command: str) -> str:
    return bed.host.run("nsenter", "--target", str(pod.pid), "--net", *command)


def link_of(bed: Bed, pod: Pod, name: str = "eth0") -> dict[str, Any]:
    (found,) = json.loads(in_pod(bed, pod, "ip", "-d", "-j", "address", "show", name))
    return dict(found)


def six(pod: Pod) -> str:
    found = [one for one in pod.answer["result"]["networks"][0]["addresses"] if ":" in one]
    return str(found[0].partition("/")[0])


@pytest.mark.kernel
def test_pods_on_a_bridge_reach_each_other_the_host_and_the_outside(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    one, two = start(bed, "back", "8080:80"), start(bed, "back", name="two")
    for family in (4, 6):
        address = one.ip if family == 4 else six(one)
        with serving(one.pid, address, 80):
            assert ask(two.pid, address, 80) == (two.ip if family == 4 else six(two))
            assert ask(bed.host.pid, address, 80) == ("10.9.0.1" if family == 4 else "fd09::1")
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(one.pid, OUTSIDE, 80) == HOST
    with serving(one.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert ask(bed.host.pid, "127.0.0.1", 8080) == "10.9.0.1"
        assert ask(two.pid, HOST, 8080)
        assert ask(one.pid, HOST, 8080) == "10.9.0.1"


def test_a_bridge_is_made_for_the_first_pod_and_goes_with_the_last(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    before = bed.ledger()
    one = start(bed, "back")
    between = bed.ledger()
    assert "cni9" in between["links"]
    two = start(bed, "back", name="two")
    assert one.ip != two.ip
    two.down()
    assert bed.settled(between) == between
    one.down()
    assert bed.settled(before) == before


def test_the_bridge_and_the_pods_keep_their_mac_addresses(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    one = start(bed, "back")
    (bridge,) = json.loads(bed.host.run("ip", "-j", "link", "show", "cni9"))
    start(bed, "back", name="two")
    (again,) = json.loads(bed.host.run("ip", "-j", "link", "show", "cni9"))
    assert bridge["address"] == again["address"]
    digits = one.uuid.replace("-", "")[:10]
    expected = ":".join(("02", *(digits[i : i + 2] for i in range(0, 10, 2))))
    assert link_of(bed, one)["address"] == expected


@pytest.mark.kernel
def test_isolated_ports_do_not_reach_each_other_not_even_through_the_host(bed: Bed) -> None:
    bed.network("back", {**BRIDGE, "portIsolation": True})
    one, two = start(bed, "back"), start(bed, "back", name="two")
    with serving(one.pid, one.ip, 80):
        assert refused(two.pid, one.ip, 80)
        in_pod(bed, two, "ip", "route", "add", f"{one.ip}/32", "via", "10.9.0.1")
        in_pod(bed, one, "ip", "route", "add", f"{two.ip}/32", "via", "10.9.0.1")
        assert refused(two.pid, one.ip, 80), "through the host"
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(two.pid, one.ip, 80) == two.ip, "the control of the rule"
        for pod in (one, two):
            bed.host.run("bridge", "link", "set", "dev", pod.link, "isolated", "off")
        in_pod(bed, two, "ip", "route", "del", f"{one.ip}/32", "via", "10.9.0.1")
        in_pod(bed, one, "ip", "route", "del", f"{two.ip}/32", "via", "10.9.0.1")
        assert ask(two.pid, one.ip, 80) == two.ip, "the control of the ports"
    with serving(bed.host.pid, "10.9.0.1", 81):
        assert ask(one.pid, "10.9.0.1", 81) == one.ip


def test_hairpin_and_promiscuous_mode_are_as_they_were_asked_for(bed: Bed) -> None:
    bed.network("hair", {**BRIDGE, "hairpinMode": True})
    pod = start(bed, "hair")
    (port,) = json.loads(bed.host.run("bridge", "-d", "-j", "link", "show", "dev", pod.link))
    assert (port["hairpin"], port["guard"], port["state"]) == (True, True, "forwarding")
    pod.down()
    bed.network("hair", {**BRIDGE, "promiscMode": True})
    start(bed, "hair")
    assert "PROMISC" in bed.host.run("ip", "link", "show", "cni9")
    bed.network("both", {**BRIDGE, "bridge": "cni8", "promiscMode": True, "hairpinMode": True})
    assert "contradict each other" in bed.launch("x", net="both").error


def test_a_default_gateway_brings_its_route_and_a_bridge_without_gateway_none(bed: Bed) -> None:
    bare = {"type": "host-local", "subnet": "10.8.0.0/24"}
    bed.network("way", {"type": "bridge", "isDefaultGateway": True, "ipam": bare, "mtu": 1400})
    pod = start(bed, "way")
    assert in_pod(bed, pod, "ip", "route", "show", "default").startswith("default via 10.8.0.1")
    assert link_of(bed, pod)["mtu"] == 1400
    assert "podw0" in bed.host.run("ip", "link", "show", "podw0")
    bed.network(
        "island", {"type": "bridge", "bridge": "cni7", "ipam": {**bare, "subnet": "10.7.0.0/24"}}
    )
    lone, other = start(bed, "island"), start(bed, "island", name="other")
    assert in_pod(bed, lone, "ip", "route").startswith("10.7.0.0/24 dev eth0")
    assert "inet" not in bed.host.run("ip", "address", "show", "cni7")
    with serving(lone.pid, lone.ip, 80):
        assert ask(other.pid, lone.ip, 80) == other.ip


def operators_bridge(bed: Bed) -> None:
    """A bridge with a wire, whose MAC address is the wire's."""
    for command in (
        "ip link add br0 type bridge",
        "ip link add wire0 type veth peer name wire1",
        "sysctl -qw net.ipv6.conf.br0.disable_ipv6=1 net.ipv6.conf.wire0.disable_ipv6=1",
        "sysctl -qw net.ipv6.conf.wire1.disable_ipv6=1",
        "ip link set wire1 up",
        "ip link set wire0 address 06:00:00:00:00:01 master br0 up",
        "ip link set br0 up",
    ):
        bed.host.run(*command.split())
    wait_until(lambda: "state UP" in bed.host.run("ip", "link", "show", "br0"), "br0 is not up")


@pytest.mark.parametrize("given", ["192.0.2.65/26", "192.0.2.66/26"])
def test_a_bridge_of_the_operator_stays_as_it_was(bed: Bed, given: str) -> None:
    """With the gateway's address or with none of that network; it never goes."""
    operators_bridge(bed)
    if given == "192.0.2.65/26":
        bed.host.run("ip", "address", "add", given, "dev", "br0")
    subnet = {"type": "host-local", "subnet": "192.0.2.64/26"}
    bed.network("lan", {"type": "bridge", "bridge": "br0", "isGateway": True, "ipam": subnet})
    before = bed.ledger()
    one, two = start(bed, "lan"), start(bed, "lan", name="two")
    assert "a bridge that the host had before" in bed.launch("x", ["8080:80"], net="lan").error
    with serving(one.pid, one.ip, 80):
        assert ask(bed.host.pid, one.ip, 80) == "192.0.2.65"
        assert ask(two.pid, one.ip, 80) == two.ip
    one.down()
    two.down()
    assert bed.settled(before) == before


def test_an_operators_bridge_is_not_changed_to_suit(bed: Bed) -> None:
    operators_bridge(bed)
    bed.host.run("ip", "address", "add", "192.0.2.70/26", "dev", "br0")
    subnet = {"type": "host-local", "subnet": "192.0.2.64/26"}
    lan = {"type": "bridge", "bridge": "br0", "isGateway": True, "ipam": subnet}
    bed.network("lan", lan)
    before = bed.ledger()
    pod = bed.launch("x", net="lan")
    assert (
        "bridge br0: has the address 192.0.2.70/26, and network lan wants 192.0.2.65/26"
        in pod.error
    )
    for key in ("forceAddress", "promiscMode", "ipMasq"):
        bed.network("lan", {**lan, key: True})
        assert f"{key}: " in bed.launch("x", net="lan").error
    bed.network("lan", {**lan, "bridge": "uplink0"})
    assert "link uplink0: is not a bridge" in bed.launch("x", net="lan").error
    assert bed.settled(before) == before


def test_killed_at_any_step_a_network_of_a_bridge_leaves_nothing(bed: Bed) -> None:
    bed.network("back", {**BRIDGE, "portIsolation": True}, LIMITS)
    before = bed.ledger()
    for number in range(1, STEPS, 2):
        fault = {"PODWRIGHT_FAULT": f"kill@{number}"}
        pod = bed.launch("web", ["8080:80"], env=fault, net="back")
        if pod.up:
            break
        assert "killed by signal 9" in pod.error
        pod.close()
        if "run gc" in pod.error:
            bed.reclaim()
        assert bed.settled(before) == before, f"killed at step {number}"
    assert number > 20, "the steps were counted"
    pod.kill()
    pod.process.wait()
    bed.reclaim()
    assert bed.settled(before) == before


def test_a_bridge_whose_ledger_file_is_lost_is_taken_back(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    before = bed.ledger()
    pod = start(bed, "back")
    (bed.net / "pods" / pod.uuid).write_bytes(b"")
    bed.reclaim()
    assert bed.settled(before) == before


@pytest.mark.kernel
def test_macvlan_pods_are_on_the_hosts_wire(bed: Bed) -> None:
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": WIRED, "mtu": 1400})
    before = bed.ledger()
    one, two = start(bed, "wire"), start(bed, "wire", name="two")
    with serving(one.pid, one.ip, 80):
        assert ask(bed.outside.pid, one.ip, 80) == OUTSIDE
        assert ask(two.pid, one.ip, 80) == two.ip
        assert refused(bed.host.pid, one.ip, 80), "as the kernel has it"
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(one.pid, OUTSIDE, 80) == one.ip
    found = link_of(bed, one)
    assert (found["mtu"], found["linkinfo"]["info_data"]["mode"]) == (1400, "bridge")
    one.down()
    two.down()
    assert bed.settled(before) == before


@pytest.mark.kernel
def test_macvlan_pods_start_on_a_host_that_has_an_eth0_itself(bed: Bed) -> None:
    """Linux before 6.13 said "File exists": it looked for the pod's eth0 among the links of the host."""
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": WIRED, "mtu": 1400})
    bed.host.run("ip", "link", "add", "eth0", "type", "bridge")
    before = bed.ledger()
    pod = start(bed, "wire")
    with serving(pod.pid, pod.ip, 80):
        assert ask(bed.outside.pid, pod.ip, 80) == OUTSIDE
    assert link_of(bed, pod)["mtu"] == 1400
    pod.down()
    assert bed.settled(before) == before


@pytest.mark.threat("T74")
def test_a_pod_on_the_wire_does_not_reach_the_metadata_that_the_wire_leads_to(bed: Bed) -> None:
    ipam = {**WIRED, "gateway": OUTSIDE, "routes": [{"dst": "0.0.0.0/0"}]}
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": ipam})
    bed.outside.run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    pod = start(bed, "wire")
    with serving(bed.outside.pid, METADATA, 80):
        assert refused(pod.pid, METADATA, 80)
        pod_ip = ["nsenter", "--net", f"--target={pod.pid}", "ip"]
        bed.host.run(*pod_ip, "route", "delete", "prohibit", "169.254.0.0/16")
        assert ask(pod.pid, METADATA, 80) == pod.ip, "the control"


def test_private_macvlan_pods_do_not_reach_each_other(bed: Bed) -> None:
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "mode": "private", "ipam": WIRED})
    one, two = start(bed, "wire"), start(bed, "wire", name="two")
    with serving(one.pid, one.ip, 80):
        assert ask(bed.outside.pid, one.ip, 80) == OUTSIDE, "the control"
        assert refused(two.pid, one.ip, 80)


def test_without_a_master_it_is_the_link_of_the_default_route(bed: Bed) -> None:
    bed.network("wire", {"type": "macvlan", "ipam": WIRED})
    assert "the host has no default route" in bed.launch("x", net="wire").error
    bed.host.run("ip", "route", "add", "default", "via", OUTSIDE)
    pod = start(bed, "wire")
    with serving(pod.pid, pod.ip, 80):
        assert ask(bed.outside.pid, pod.ip, 80) == OUTSIDE


def test_a_passthru_link_takes_its_master_alone(bed: Bed) -> None:
    bed.network("wire", {"type": "macvlan", "master": "uplink1", "mode": "passthru"})
    pod = start(bed, "wire")
    (master,) = json.loads(bed.host.run("ip", "-j", "link", "show", "uplink1"))
    assert link_of(bed, pod)["address"] == master["address"]
    assert "link uplink1: cannot carry" in bed.launch("x", net="wire").error


REFUSED: tuple[tuple[Mapping[str, Any], str], ...] = (
        ({"type": "macvlan", "master": "gone"}, "network net: its master gone does not exist"),
        ({"type": "macvlan", "master": "uplink0", "ipMasq": True}, "packets of macvlan do not pass"),
        ({"type": "macvlan", "master": "a/b"}, "cannot be the name of a link"),
        ({"type": "ipvlan", "master": "uplink0"}, "no ipvlan links; load the kernel module ipvlan"),
        ({"type": "ipvlan", "master": "uplink0", "mode": "l4"}, "'l4' is not one of l2, l3, l3s"),
        ({"type": "bridge", "vlan": 4095}, "4095 is not between 0 and 4094"),
        ({"type": "bridge", "vlan": 7}, "this kernel's bridges cannot tell VLANs apart"),
        ({"type": "bridge", "mtu": "big"}, "bridge.mtu: must be a whole number"),
        ({"type": "bridge", "mtu": 20}, "20 is below 68"),
        ({"type": "bridge", "bridge": "podw0123456789"}, "is a name for links of pods"),
    ({"type": "ptp", "mtu": "big"}, "ptp.mtu: must be a whole number"),
        ({"type": "host-device"}, "no device is named"),
        ({"type": "host-device", "device": "gone"}, "device gone: this host has no such link"),
        ({"type": "host-device", "device": "lo"}, "is not a link that can be given away"),
        ({"type": "host-device", "pciBusID": "0000:ff:1f.7"}, "this host has no such link"),
        ({"type": "host-device", "kernelpath": "/etc"}, "this host has no such link"),
        ({"type": "host-device", "hwaddr": "x"}, "'x' is not a MAC address"),
)  # fmt: skip


def test_what_cannot_be_made_is_one_sentence_and_leaves_nothing(bed: Bed) -> None:
    before = bed.ledger()
    for plugin, said in REFUSED:
        bed.network("net", plugin)
        pod = bed.launch("web", net="net")
        assert said in pod.error
        assert "\n" not in pod.error
        pod.close()
        assert bed.settled(before) == before, plugin


def spare(bed: Bed) -> Namespace:
    """A link of the host that leads to a neighbour, 198.51.100.1 - 198.51.100.2."""
    neighbour = Namespace()
    bed.host.run("ip", "link", "add", "spare", "type", "veth", "peer", "name", "wire", "netns",
                 str(neighbour.pid))  # fmt: skip
    bed.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "spare")
    bed.host.run("ip", "link", "set", "spare", "mtu", "1300", "up")
    neighbour.run("ip", "address", "add", "198.51.100.2/24", "dev", "wire")
    neighbour.run("ip", "link", "set", "wire", "up")
    return neighbour


def addresses(bed: Bed) -> tuple[Any, ...]:
    (found,) = json.loads(bed.host.run("ip", "-j", "address", "show", "spare"))
    given = [one["local"] for one in found["addr_info"] if one["scope"] == "global"]
    flags = {"UP", "PROMISC"} & set(found["flags"])
    return found["address"], found["mtu"], found["txqlen"], flags, given


@pytest.mark.parametrize("by", ["device", "hwaddr"])
def test_a_device_is_lent_and_comes_back_as_it_was(bed: Bed, by: str) -> None:
    neighbour = spare(bed)
    try:
        had = addresses(bed)
        static = {"type": "static", "addresses": [{"address": "198.51.100.7/24"}]}
        said = {"device": "spare", "hwaddr": had[0]}[by]
        bed.network("lent", {"type": "host-device", by: said, "ipam": static},
                    {"type": "tuning", "mtu": 1280, "mac": "02:00:00:00:00:77",
                     "promisc": True, "txQLen": 7})  # fmt: skip
        pod = start(bed, "lent")
        assert bed.host.status("ip", "link", "show", "spare") != 0
        assert link_of(bed, pod)["address"] == "02:00:00:00:00:77"
        with serving(neighbour.pid, "198.51.100.2", 80):
            assert ask(pod.pid, "198.51.100.2", 80) == "198.51.100.7"
        bed.network("again", {"type": "host-device", by: said})
        assert "this host has no such link" in bed.launch("second", net="again").error
        for name in ("down", "name"):
            in_pod(
                bed,
                pod,
                "ip",
                "link",
                "set",
                "eth0",
                *{"name": ["name", "spare"]}.get(name, [name]),
            )
        pod.down()
        assert addresses(bed) == had
        with serving(neighbour.pid, "198.51.100.2", 80):
            assert ask(bed.host.pid, "198.51.100.2", 80) == "198.51.100.1"
    finally:
        neighbour.close()


def test_a_device_comes_back_when_the_pod_does_not_start(bed: Bed) -> None:
    neighbour = spare(bed)
    try:
        had = addresses(bed)
        bed.network("lent", {"type": "host-device", "device": "spare"},
                    {"type": "tuning", "sysctl": {"net.ipv4.no_such_thing": "1"}})  # fmt: skip
        assert "no_such_thing" in bed.launch("web", net="lent").error
        assert addresses(bed) == had
        bed.network("lent", {"type": "host-device", "device": "spare"})
        for number in range(1, STEPS):
            pod = bed.launch("web", env={"PODWRIGHT_FAULT": f"kill@{number}"}, net="lent")
            if pod.up:
                break
            pod.close()
            bed.reclaim()
            assert addresses(bed) == had, f"killed at step {number}"
        assert number > 4
        pod.down()
        assert addresses(bed) == had
    finally:
        neighbour.close()


def test_loopback_is_lo_and_nothing_else(bed: Bed) -> None:
    bed.network("lo", {"type": "loopback"})
    before = bed.ledger()
    pod = start(bed, "lo")
    names = [one["ifname"] for one in json.loads(in_pod(bed, pod, "ip", "-j", "link"))]
    assert names == ["lo"]
    assert pod.answer["result"]["ifName"] == "lo"
    with serving(pod.pid, "127.0.0.1", 80):
        assert ask(pod.pid, "127.0.0.1", 80) == "127.0.0.1"
    pod.down()
    assert bed.settled(before) == before


def test_flannel_says_what_the_bridge_is_to_be(bed: Bed, tmp_path: Path) -> None:
    env = tmp_path / "subnet.env"
    env.write_text(
        "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\n"
        "FLANNEL_IPV6_NETWORK=fd44::/48\nFLANNEL_IPV6_SUBNET=fd44:0:0:3::1/64\nFLANNEL_IPMASQ=false\n"
    )
    delegate = {"bridge": "fl0", "isDefaultGateway": True}
    flannel = {"type": "flannel", "subnetFile": str(env), "delegate": delegate}
    bed.network("overlay", flannel, {"type": "portmap", "capabilities": {"portMappings": True}})
    before = bed.ledger()
    pod = start(bed, "overlay", "8080:80")
    assert (pod.ip, six(pod)) == ("10.244.3.2", "fd44:0:0:3::2")
    assert link_of(bed, pod)["mtu"] == 1450
    assert "10.244.0.0/16 via 10.244.3.1" in in_pod(bed, pod, "ip", "route")
    assert "fd44::/48 via fd44:0:0:3::1" in in_pod(bed, pod, "ip", "-6", "route")
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(pod.pid, OUTSIDE, 80) == HOST
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
    pod.down()
    assert bed.settled(before) == before


def test_a_missing_or_strange_subnet_file_is_refused(bed: Bed, tmp_path: Path) -> None:
    env = tmp_path / "subnet.env"
    bed.network("overlay", {"type": "flannel", "subnetFile": str(env)})
    assert f"{env}: does not exist" in bed.launch("web", net="overlay").error
    good = "FLANNEL_SUBNET=10.1.0.0/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
    for text in ("", "FLANNEL_SUBNET=x\n", good.replace("1450", "9"), good.replace("true", "1")):
        env.write_text(text)
        error = bed.launch("web", net="overlay").error
        assert f"{env}: is not a subnet file of flannel" in error
    env.write_text(good)
    env.chmod(0o666)
    assert f"{env}: " in bed.launch("web", net="overlay").error
    env.chmod(0o644)
    assert bed.launch("web", net="overlay").up


PTP = {"type": "ptp", "ipMasq": True, "ipam": IPAM, "mtu": 1400}
LIMITS = {
    "type": "bandwidth",
    "ingressRate": 2_000_000,
    "ingressBurst": 400_000,
    "egressRate": 2_000_000,
    "egressBurst": 400_000,
}


def test_ptp_with_both_families_and_tuning(bed: Bed) -> None:
    tuning = {
        "type": "tuning",
        "sysctl": {
            "net.ipv4.conf.IFNAME.arp_ignore": "1",
            "net/ipv4/ip_unprivileged_port_start": "80",
        },
        "mac": "02:11:22:33:44:55",
        "mtu": 1300,
        "promisc": True,
        "allmulti": True,
        "txQLen": 77,
    }
    bed.network("tuned", PTP, tuning)
    pod = start(bed, "tuned")
    found = link_of(bed, pod)
    assert (found["address"], found["mtu"], found["txqlen"]) == ("02:11:22:33:44:55", 1300, 77)
    assert {"PROMISC", "ALLMULTI"} <= set(found["flags"])
    assert in_pod(bed, pod, "sysctl", "-n", "net.ipv4.conf.eth0.arp_ignore") == "1\n"
    assert in_pod(bed, pod, "sysctl", "-n", "net.ipv4.ip_unprivileged_port_start") == "80\n"
    assert bed.host.run("sysctl", "-n", "net.ipv4.ip_unprivileged_port_start") == "1024\n"
    for address, gateway in ((pod.ip, "10.9.0.1"), (six(pod), "fd09::1")):
        with serving(pod.pid, address, 80):
            assert ask(bed.host.pid, address, 80) == gateway


def test_tuning_is_for_the_pods_namespace_only(bed: Bed) -> None:
    for name in ("kernel.hostname", "net.ipv4", "net/../kernel/x", "net..ipv4.x", "/net/ipv4/x"):
        bed.network("tuned", PTP, {"type": "tuning", "sysctl": {name: "1"}})
        assert "is not a setting of a network namespace" in bed.launch("web", net="tuned").error


def test_what_our_publishing_does_not_do_is_refused(bed: Bed) -> None:
    options: tuple[dict[str, Any], ...] = (
        {"snat": False},
        {"masqAll": True},
        {"backend": "iptables"},
        {"markMasqBit": 13},
        {"externalSetMarkChain": "X"},
        {"conditionsV4": ["!", "-d", "192.0.2.0/24"]},
    )
    for option in options:
        bed.network("web", PTP, {"type": "portmap", **option})
        (key,) = option
        assert f"portmap.{key}: cannot be had" in bed.launch("web", net="web").error
    bed.network("web", PTP, {"type": "portmap", "snat": True, "backend": "nftables"})
    assert bed.launch("web", net="web").up


SENT = 8000


def received(sender: int, receiver: int, address: str) -> int:
    """How many of SENT datagrams get through that are sent as fast as it goes."""
    server = in_network_of(receiver, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    client = in_network_of(sender, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with server, client:
        server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        server.bind((address, 9))
        for _ in range(SENT):
            with contextlib.suppress(OSError):  # the link's queue is full
                client.sendto(bytes(1200), (address, 9))
        server.settimeout(0.3)
        got = 0
        with contextlib.suppress(TimeoutError):
            while server.recv(2000):
                got += 1
        return got


@pytest.mark.parametrize("kind", ["ptp", "bridge"])
def test_bandwidth_is_limited_both_ways_and_the_pod_cannot_help_it(bed: Bed, kind: str) -> None:
    base = PTP if kind == "ptp" else BRIDGE
    before = bed.ledger()
    bed.network("free", {**base, "mtu": 1500})
    pod = start(bed, "free")
    free = [received(pod.pid, bed.host.pid, HOST), received(bed.host.pid, pod.pid, pod.ip)]
    pod.down()
    bed.network("free", {**base, "mtu": 1500}, LIMITS)
    pod = start(bed, "free")
    sent, got = received(pod.pid, bed.host.pid, HOST), received(bed.host.pid, pod.pid, pod.ip)
    in_pod(bed, pod, "tc", "qdisc", "del", "dev", "eth0", "root")
    unpaced = received(pod.pid, bed.host.pid, HOST)
    assert min(free) > SENT / 2, "the controls, without a limit"
    for limited in (sent, got, unpaced):
        assert 10 < limited < SENT / 4
    bed.host.run("nft", "delete", "table", "netdev", "podwright")
    again = received(pod.pid, bed.host.pid, HOST)
    assert again > SENT / 2, "the control of what the host counts"
    pod.down()
    assert bed.settled(before) == before


def test_limits_of_one_pod_go_alone_and_come_again_after_a_flush(bed: Bed) -> None:
    bed.network("slow", PTP, LIMITS)
    before = bed.ledger()
    one, two = start(bed, "slow"), start(bed, "slow", name="two")
    chain = ("nft", "list", "chain", "netdev", "podwright")
    assert "limit rate over 250000 bytes/second" in bed.host.run(*chain, one.link)
    gone = two.link
    two.down()
    assert bed.host.status(*chain, gone) != 0
    bed.host.run("nft", "flush", "ruleset")
    three = start(bed, "slow", name="three")
    for pod in (one, three):
        assert "limit rate over" in bed.host.run(*chain, pod.link)
    one.down()
    three.kill()
    three.process.wait()
    bed.reclaim()
    assert bed.settled(before) == before


@pytest.mark.parametrize("kind", ["macvlan", "loopback"])
def test_a_link_without_an_end_on_the_host_cannot_be_limited(bed: Bed, kind: str) -> None:
    own = {"macvlan": {"master": "uplink0", "ipam": WIRED}}.get(kind, {})
    bed.network("net", {"type": kind, **own}, LIMITS)
    assert "has no end on the host" in bed.launch("web", net="net").error
    bed.network("net", {"type": kind, **own})
    assert bed.launch("web", net="net").up
    assert os.path.exists(bed.confs)


TAKEN = (
    ("10.9.0.1/30", "10.9.0.2 is of this network and of the host's own network on link uplink1"),
    ("10.8.0.1/15", "10.9.0.2 is of this network and of the host's own network on link uplink1"),
    ("10.9.0.1/32", "10.9.0.1 is of this network and an address of the host itself"),
    ("fd09::1/128", "fd09::1 is of this network and an address of the host itself"),
    ("10.7.0.0/16", ""),
)


def test_a_network_of_addresses_that_the_host_has_is_refused(bed: Bed) -> None:
    bed.network("back", PTP)
    bed.host.run("ip", "link", "set", "uplink1", "addrgenmode", "none")
    bed.host.run("sysctl", "-qw", "net.ipv6.conf.uplink1.disable_ipv6=0")
    for address, said in TAKEN:
        bed.address(address, "uplink1")
        before = bed.ledger()
        pod = bed.launch("web", net="back")
        assert said in pod.error and pod.up == (not said), address
        pod.close()
        bed.reclaim()
        assert bed.settled(before) == before
        bed.host.run("ip", "address", "del", address, "dev", "uplink1")


def test_networks_of_the_same_addresses_or_bridge_are_refused_while_both_would_be_in_use(
    bed: Bed,
) -> None:
    bed.network("one", BRIDGE)
    bed.network("two", {**BRIDGE, "bridge": "cni8"})
    bed.network("three", {**BRIDGE, "ipam": {"type": "host-local", "subnet": "10.5.0.0/24"}})
    pod = start(bed, "one")
    assert "10.9.0.0/24 overlaps 10.9.0.0/24 of network one" in bed.launch("x", net="two").error
    assert "bridge cni9 is network one's" in bed.launch("x", net="three").error
    pod.down()
    assert bed.launch("x", net="two").up
    assert bed.launch("y", net="three").up


def asking(bed: Bed, net: str, **more: Any) -> Pod:
    pod = Pod(bed, {**bed.request("web", net=net), **more}, {})
    bed.pods.append(pod)
    return pod


def test_the_isolator_limits_every_link_that_it_can(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    before = bed.ledger()
    pod = asking(bed, "default,back", bandwidth=250_000)
    assert pod.up, pod.answer
    for index in (0, 1):
        link = pod.answer["result"]["networks"][index]["hostIf"]
        chain = bed.host.run("nft", "list", "chain", "netdev", "podwright", link)
        assert "limit rate over 250000 bytes/second" in chain
        assert "tbf" in bed.host.run("tc", "qdisc", "show", "dev", link)
        assert "tbf" in in_pod(bed, pod, "tc", "qdisc", "show", "dev", f"eth{index}")
    pod.down()
    assert bed.settled(before) == before
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": WIRED})
    assert "has no end on the host" in asking(bed, "wire", bandwidth=250_000).error
    assert asking(bed, "wire", bandwidth=250_000, bandwidth_optional=True).up


def test_killed_at_any_step_of_a_bridges_teardown_gc_finishes_it(bed: Bed) -> None:
    bed.network("back", BRIDGE, LIMITS)
    before = bed.ledger()
    for number in range(1, STEPS, 2):
        pod = start(bed, "back", "8080:80")
        pod.kill()
        pod.process.wait()
        fault = f"import os; os.environ['PODWRIGHT_FAULT'] = 'kill@{number}'\n"
        code = f"{fault}from podwright.net.gc import reclaim; reclaim(NET)"
        killed = bed.host.status(*bed.agent_command(code)) == -9
        bed.reclaim()
        assert bed.settled(before) == before, f"killed at step {number}"
        if not killed:
            break
    assert number > 6, "the steps were counted"
