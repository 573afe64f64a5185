# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The default network: who reaches whom, and what is there before and after (behaviour.md D1, D5; threats.md T74)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import (
    HOST,
    HOST_OTHER,
    METADATA,
    OTHER,
    OUTSIDE,
    Bed,
    ask,
    datagram,
    refused,
    serving,
)

GATEWAY = "172.16.28.1"
GUARD_OFF = ("nft", "flush", "chain", "inet", "podwright", "guard")


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        yield made


@pytest.mark.kernel
def test_the_pod_and_the_host_reach_each_other(bed: Bed) -> None:
    pod = bed.pod("web")
    with serving(pod.pid, pod.ip, 80):
        assert ask(bed.host.pid, pod.ip, 80) == GATEWAY
    with serving(bed.host.pid, HOST, 9000):
        assert ask(pod.pid, HOST, 9000) == pod.ip
    with serving(bed.host.pid, "0.0.0.0", 9001):
        assert ask(pod.pid, GATEWAY, 9001) == pod.ip


def test_the_result_says_what_the_pod_has(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    found = {key: pod.answer["result"][key] for key in pod.answer["result"] if key != "networks"}
    assert found == {
        "netName": "default",
        "netConf": "",
        "pluginPath": "",
        "ifName": "eth0",
        "ip": "172.16.28.2",
        "args": "",
        "mask": "255.255.255.0",
        "gateway": GATEWAY,
        "hostIf": f"podw{pod.uuid.replace('-', '')[:10]}",
        "ports": [{"protocol": "tcp", "hostIP": "", "hostPort": 8080, "podPort": 80}],
        "type": "ptp",
        "mac": "",
        "addresses": ["172.16.28.2/24", "fd70:6f64:7772:1c::2/64"],
    }


@pytest.mark.kernel(brief=True)
def test_pods_reach_each_other(bed: Bed) -> None:
    one, two = bed.pod("one"), bed.pod("two")
    with serving(one.pid, one.ip, 80):
        assert ask(two.pid, one.ip, 80) == two.ip


@pytest.mark.kernel
def test_the_outside_sees_the_hosts_address(bed: Bed) -> None:
    pod = bed.pod("web")
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(pod.pid, OUTSIDE, 80) == HOST


@pytest.mark.kernel
def test_a_published_port_answers_from_everywhere(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    client = bed.pod("client")
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert ask(bed.host.pid, HOST, 8080) == HOST
        assert ask(bed.host.pid, "127.0.0.1", 8080) == GATEWAY
        assert ask(client.pid, HOST, 8080) == client.ip
        assert ask(client.pid, GATEWAY, 8080) == client.ip
        assert ask(pod.pid, HOST, 8080) == GATEWAY, "a pod that calls its own published port"


def test_a_port_published_on_one_address_answers_only_there(bed: Bed) -> None:
    pod = bed.pod("web", f"{HOST}:8080:80", "127.0.0.1:8081:80")
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert refused(bed.other.pid, HOST_OTHER, 8080)
        assert refused(bed.host.pid, "127.0.0.1", 8080)
        assert ask(bed.host.pid, "127.0.0.1", 8081) == GATEWAY
        assert refused(bed.outside.pid, HOST, 8081)


def test_udp_ports_are_published_too(bed: Bed) -> None:
    pod = bed.pod("dns", "5353:53/udp")

    def receiver() -> socket.socket:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("0.0.0.0", 53))
        return server

    assert datagram(bed.outside.pid, HOST, 5353, receiver, pod.pid) == OUTSIDE
    assert datagram(bed.host.pid, "127.0.0.1", 5353, receiver, pod.pid) == GATEWAY


@pytest.mark.kernel
@pytest.mark.parametrize("where", ["host", "outside"])
def test_the_metadata_address_is_denied(bed: Bed, where: str) -> None:
    holder = bed.host if where == "host" else bed.outside
    holder.run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    if where == "outside":
        bed.host.run("ip", "route", "add", METADATA, "via", OUTSIDE)
    pod = bed.pod("web")
    with serving(holder.pid, METADATA, 80):
        assert ask(bed.host.pid, METADATA, 80)
        with pytest.raises(OSError, match=r"No route to host|unreachable|prohibited"):
            ask(pod.pid, METADATA, 80)
        bed.host.run(*GUARD_OFF)
        assert ask(pod.pid, METADATA, 80), "the control: without our rule it answers"


def test_a_pod_does_not_reach_the_hosts_loopback_through_its_link(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    nsenter = ("nsenter", "--target", str(pod.pid), "--net")
    for command in (
        "ip address del 127.0.0.1/8 dev lo",
        f"ip route add 127.0.0.1 via {GATEWAY} dev eth0 src {pod.ip}",
        "sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet'",
    ):
        bed.host.run("sh", "-c", " ".join((*nsenter, command)))
    with serving(bed.host.pid, "127.0.0.1", 6379):
        assert refused(pod.pid, "127.0.0.1", 6379)
        bed.host.run(*GUARD_OFF)
        assert ask(pod.pid, "127.0.0.1", 6379) == pod.ip, "the control"


def test_a_neighbour_does_not_reach_a_port_published_on_loopback(bed: Bed) -> None:
    pod = bed.pod("web", "127.0.0.1:8080:80")
    for command in (
        "ip address del 127.0.0.1/8 dev lo",
        f"ip route add 127.0.0.1 via {HOST} dev wire src {OUTSIDE}",
        "echo 1 > /proc/sys/net/ipv4/conf/wire/route_localnet",
    ):
        bed.outside.run("sh", "-c", command)
    with serving(pod.pid, "0.0.0.0", 80):
        assert refused(bed.outside.pid, "127.0.0.1", 8080)
        bed.host.run(*GUARD_OFF)
        assert ask(bed.outside.pid, "127.0.0.1", 8080) == OUTSIDE, "the control"


@pytest.mark.kernel
def test_a_pod_cannot_send_from_another_address(bed: Bed) -> None:
    pod = bed.pod("web")
    spoofed = "172.16.28.77"
    bed.host.run(
        "nsenter",
        "--target",
        str(pod.pid),
        "--net",
        "ip",
        "address",
        "add",
        f"{spoofed}/32",
        "dev",
        "eth0",
    )
    bed.host.run("ip", "route", "add", spoofed, "dev", pod.link)
    with serving(bed.host.pid, HOST, 9000):
        assert ask(pod.pid, HOST, 9000) == pod.ip
        assert refused(pod.pid, HOST, 9000, source=spoofed)
        bed.host.run(*GUARD_OFF)
        assert ask(pod.pid, HOST, 9000, source=spoofed) == spoofed, "the control"


def test_an_unpublished_port_is_not_reachable_from_outside(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    with serving(pod.pid, "0.0.0.0", 81):
        assert refused(bed.outside.pid, pod.ip, 81), (
            "the outside has a route to pods through the host"
        )
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(bed.outside.pid, pod.ip, 81) == OUTSIDE, "the control"


def test_a_pod_does_not_make_the_host_a_router(bed: Bed) -> None:
    with serving(bed.other.pid, OTHER, 80):
        assert refused(bed.outside.pid, OTHER, 80)
        bed.pod("web")
        assert refused(bed.outside.pid, OTHER, 80)
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE, "the control"


def test_a_host_that_was_a_router_stays_one(bed: Bed) -> None:
    bed.host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    before = bed.ledger()
    pod = bed.pod("web")
    with serving(bed.other.pid, OTHER, 80):
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE
    pod.down()
    assert bed.settled(before) == before
    assert before["forwarding"] == "1\n"


def test_links_that_were_forwarding_by_themselves_go_on(bed: Bed) -> None:
    """A pod's start and end turned off what was on for two links and not for all."""
    keys = [f"net.ipv4.conf.{link}.forwarding" for link in ("uplink0", "uplink1")]
    with serving(bed.other.pid, OTHER, 80):
        assert refused(bed.outside.pid, OTHER, 80), "the control"
        for key in keys:
            bed.host.run("sysctl", "-qw", f"{key}=1")
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE
        pod = bed.pod("web")
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE
        pod.down()
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE


def test_settings_of_a_link_of_ipv6_are_set_again(bed: Bed) -> None:
    bed.with_ipv6()
    key = "net.ipv6.conf.uplink0.forwarding"
    bed.host.run("sysctl", "-qw", f"{key}=1")
    bed.pod("web").down()
    assert bed.host.run("sysctl", "-n", key, "net.ipv6.conf.uplink1.forwarding") == "1\n0\n"


def test_a_host_of_ipv6_goes_on_hearing_routers(bed: Bed) -> None:
    bed.with_ipv6()
    setting = ("sysctl", "-n", "net.ipv6.conf.uplink0.accept_ra")
    assert bed.host.run(*setting) == "1\n"
    pod = bed.pod("web")
    assert bed.host.run(*setting) == "2\n"
    pod.down()
    assert bed.host.run(*setting) == "1\n"


def test_forwarding_stays_on_when_another_network_came_meanwhile(bed: Bed) -> None:
    """It came to stay, and the host was a router between all links until the next boot."""
    before = bed.ledger()
    pod = bed.pod("web")
    bed.host.run("ip", "link", "add", "virbr0", "type", "bridge")
    pod.down()
    assert bed.ledger()["forwarding"] == "1\n"
    with serving(bed.other.pid, OTHER, 80):
        assert refused(bed.outside.pid, OTHER, 80)
        bed.host.run("nft", "flush", "ruleset")
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE, "the control"
        assert bed.reclaim() == []
        assert refused(bed.outside.pid, OTHER, 80), "gc makes the rules again"
        pod = bed.pod("web")
        assert refused(bed.outside.pid, OTHER, 80)
        pod.down()
        assert refused(bed.outside.pid, OTHER, 80)
    bed.host.run("ip", "link", "delete", "virbr0")
    bed.reclaim()
    assert bed.settled(before) == before
    assert before["forwarding"] == "0\n"


@pytest.mark.kernel
def test_a_pods_end_leaves_the_host_as_it_was(bed: Bed) -> None:
    before = bed.ledger()
    one = bed.pod("one", "8080:80", f"{HOST}:8081:81", "5353:53/udp")
    between = bed.ledger()
    two = bed.pod("two", "8082:80")
    assert two.down()["down"]
    assert bed.settled(between) == between
    with serving(one.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
    assert one.down()["down"]
    assert bed.settled(before) == before
    assert before["forwarding"] == "0\n"


def test_other_tables_are_left_alone(bed: Bed) -> None:
    bed.host.run(
        "nft",
        "-f",
        "-",
        stdin="table ip mine { chain c { type nat hook prerouting priority -100; }; }",
    )
    before = bed.ledger()
    pod = bed.pod("web", "8080:80")
    assert before["nft"] in bed.ledger()["nft"]
    pod.down()
    assert bed.settled(before) == before


@pytest.mark.kernel
def test_the_next_pod_repairs_a_flushed_firewall(bed: Bed) -> None:
    pod = bed.pod("web", "8080:80")
    bed.host.run("nft", "flush", "ruleset")
    with serving(pod.pid, "0.0.0.0", 80):
        assert refused(bed.outside.pid, HOST, 8080)
        other = bed.pod("other")
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
    other.down()
    bed.host.run("nft", "flush", "ruleset")
    assert pod.down()["down"]


def test_nothing_of_the_worker_stays_while_the_pod_runs(bed: Bed) -> None:
    pod = bed.pod("web")
    launcher = pod.process.pid  # nsenter and python keep the pid
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    assert children == [str(pod.pid)]


def test_an_address_is_not_at_once_anothers(bed: Bed) -> None:
    first = bed.pod("web")
    address = first.ip
    first.down()
    assert bed.pod("web").ip != address
