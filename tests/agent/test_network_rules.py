# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods' own rules, and what is denied to all pods in IPv6: each denial with its control (threats.md T74)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import (
    HOST,
    METADATA,
    OUTSIDE,
    Bed,
    Pod,
    ask,
    datagram,
    refused,
    serving,
)
from tests.support.namespaces import in_network_of

HOST6, OUTSIDE6 = "2001:db8:0:1::1", "2001:db8:0:1::2"
GATEWAY, GATEWAY6 = "172.16.28.1", "fd70:6f64:7772:1c::1"
METADATA6 = "fd00:ec2::254"
GUARD_OFF = ("nft", "flush", "chain", "inet", "podwright", "guard")
IPAM = {
    "type": "host-local",
    "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
}


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host with both families, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        made.with_ipv6()
        yield made


def start(bed: Bed, name: str, *allow: dict[str, Any], ports: tuple[str, ...] = ()) -> Pod:
    pod = bed.launch(name, ports, allow=list(allow))
    assert pod.up, pod.answer or pod.close()
    return pod


def six(pod: Pod) -> str:
    found = [one for one in pod.answer["result"]["networks"][0]["addresses"] if ":" in one]
    return str(found[0].partition("/")[0])


def without_rules(bed: Bed, pod: Pod, kind: str) -> None:
    """Take a pod's rules of a kind away: `enter`, `leave` or `cloud`."""
    bed.host.run("nft", "flush", "chain", "inet", "podwright", f"{kind}_{pod.uuid}")


def reaches(pid: int, address: str, port: int) -> bool:
    """The contrary of `refused`, with patience."""
    return not refused(pid, address, port, timeout=20)


def in_pod(bed: Bed, pod: Pod, *command: str) -> str:
    return bed.host.run("nsenter", "--target", str(pod.pid), "--net", *command)


def test_only_the_pod_that_is_named_gets_in(bed: Bed) -> None:
    pod = start(bed, "db", {"from": "pod shop", "ports": ["80/tcp"]}, ports=("8080:80",))
    shop, other = bed.pod("shop"), bed.pod("other")
    with serving(pod.pid, "0.0.0.0", 80), serving(pod.pid, "::", 80), serving(pod.pid, pod.ip, 81):
        assert ask(shop.pid, pod.ip, 80) == shop.ip
        assert ask(shop.pid, six(pod), 80) == six(shop)
        assert ask(shop.pid, HOST, 8080) == shop.ip, "the port that is published, too"
        assert ask(bed.host.pid, pod.ip, 80) == GATEWAY, "the host always reaches its pods"
        assert ask(bed.host.pid, "127.0.0.1", 8080) == GATEWAY
        assert ask(pod.pid, HOST, 8080) == GATEWAY, "the pod reaches itself"
        denied = [
            (other.pid, pod.ip, 80),
            (other.pid, six(pod), 80),
            (other.pid, HOST, 8080),
            (bed.outside.pid, HOST, 8080),
            (bed.outside.pid, HOST6, 8080),
            (shop.pid, pod.ip, 81),
        ]
        assert all(refused(*one) for one in denied)
        without_rules(bed, pod, "enter")
        assert all(reaches(*one) for one in denied), "the control"


def test_rules_follow_pods_that_come_and_go(bed: Bed) -> None:
    pod = start(bed, "db", {"from": "pod shop"})
    with serving(pod.pid, "0.0.0.0", 80):
        first = bed.pod("shop")
        second = bed.pod("shop")
        for one in (first, second):
            assert ask(one.pid, pod.ip, 80) == one.ip
        address = first.ip
        first.down()
        listed = bed.host.run("nft", "list", "set", "inet", "podwright", "pod_shop_4")
        assert second.ip in listed
        assert address not in listed


def test_a_network_that_is_named_gets_in(bed: Bed) -> None:
    bed.network("door", {"type": "ptp", "ipMasq": True, "ipam": IPAM})
    pod = start(bed, "db", {"from": "network door"}, ports=("8080:80",))
    guest = bed.launch("guest", net="door")
    sibling = bed.pod("sibling")
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(guest.pid, HOST, 8080) == guest.ip
        assert refused(sibling.pid, pod.ip, 80)
        assert refused(guest.pid, pod.ip, 80), "a rule opens no way between networks"
        without_rules(bed, pod, "enter")
        assert ask(sibling.pid, pod.ip, 80) == sibling.ip, "the control"


def test_a_subnet_that_is_named_gets_in(bed: Bed) -> None:
    pod = start(
        bed,
        "db",
        {"from": f"{OUTSIDE}/32", "ports": ["80-81/tcp", "53/udp"]},
        {"from": "2001:db8::/32"},
        ports=("8080:80", "8082:82"),
    )
    with serving(pod.pid, "0.0.0.0", 80), serving(pod.pid, "::", 82), serving(pod.pid, pod.ip, 82):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert ask(bed.outside.pid, HOST6, 8082) == OUTSIDE6
        denied = [(bed.other.pid, HOST, 8080), (bed.outside.pid, HOST, 8082)]
        assert all(refused(*one) for one in denied)
        without_rules(bed, pod, "enter")
        assert all(reaches(*one) for one in denied), "the control"


def test_a_pod_reaches_only_what_it_may(bed: Bed) -> None:
    pod = start(
        bed,
        "job",
        {"to": f"{OUTSIDE}", "ports": ["80/tcp"]},
        {"to": "pod db"},
        {"to": "host", "ports": ["9000"]},
        ports=("8080:80",),
    )
    db, other = bed.pod("db"), bed.pod("other")
    with (
        serving(bed.outside.pid, OUTSIDE, 80),
        serving(bed.outside.pid, OUTSIDE, 81),
        serving(bed.outside.pid, OUTSIDE6, 80),
        serving(bed.host.pid, "0.0.0.0", 9000),
        serving(bed.host.pid, "0.0.0.0", 9001),
        serving(bed.host.pid, "::", 9002),
        serving(db.pid, "0.0.0.0", 80),
        serving(other.pid, "0.0.0.0", 80),
        serving(pod.pid, "0.0.0.0", 80),
    ):
        assert ask(pod.pid, OUTSIDE, 80) == HOST
        assert ask(pod.pid, db.ip, 80) == pod.ip
        assert ask(pod.pid, HOST, 9000) == pod.ip
        assert ask(other.pid, pod.ip, 80) == other.ip, "others still reach it, and get answers"
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert ask(bed.host.pid, "127.0.0.1", 8080) == GATEWAY
        denied = [
            (pod.pid, OUTSIDE, 81),
            (pod.pid, OUTSIDE6, 80),
            (pod.pid, other.ip, 80),
            (pod.pid, HOST, 9001),
            (pod.pid, GATEWAY, 9001),
            (pod.pid, GATEWAY6, 9002),
        ]
        assert all(refused(*one) for one in denied)
        with pytest.raises(OSError, match=r"No route to host|unreachable|prohibited"):
            ask(pod.pid, OUTSIDE, 81)
        without_rules(bed, pod, "leave")
        assert all(reaches(*one) for one in denied), "the control"


def test_datagrams_obey_rules_too(bed: Bed) -> None:
    def receiver() -> socket.socket:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((OUTSIDE, 53))
        return server

    pod = start(bed, "job", {"to": OUTSIDE, "ports": ["53/udp"]})
    other = start(bed, "other", {"to": OUTSIDE, "ports": ["53/tcp"]})
    assert datagram(pod.pid, OUTSIDE, 53, receiver, bed.outside.pid) == HOST
    with pytest.raises(OSError, match=r"timed out|No route|unreachable"):
        datagram(other.pid, OUTSIDE, 53, receiver, bed.outside.pid)
    without_rules(bed, other, "leave")
    assert datagram(other.pid, OUTSIDE, 53, receiver, bed.outside.pid) == HOST, "the control"


@pytest.mark.threat("T74")
@pytest.mark.parametrize("address", [METADATA, METADATA6])
def test_metadata_is_for_those_only_who_are_allowed_exactly_that(bed: Bed, address: str) -> None:
    bed.host.run("ip", "address", "add", address, "dev", "lo")
    every = {"to": "::/0"} if ":" in address else {"to": "0.0.0.0/0"}
    plain, broad = bed.pod("plain"), start(bed, "broad", every)
    exact = start(bed, "exact", {"to": address, "ports": ["80/tcp"]})
    with serving(bed.host.pid, address, 80), serving(bed.host.pid, address, 81):
        assert ask(exact.pid, address, 80)
        denied = [(plain.pid, address, 80), (broad.pid, address, 80), (exact.pid, address, 81)]
        assert all(refused(*one) for one in denied)
        without_rules(bed, exact, "leave")
        bed.host.run(*GUARD_OFF)
        assert all(reaches(*one) for one in denied), "the control"


@pytest.mark.threat("T74")
def test_name_servers_at_such_addresses_answer(bed: Bed) -> None:
    """Clouds have their name servers there, and the host's are a pod's, too."""
    bed.host.run("ip", "address", "add", METADATA, "dev", "lo")
    pod = bed.pod("web")
    with serving(bed.host.pid, METADATA, 53), serving(bed.host.pid, METADATA, 54):
        assert ask(pod.pid, METADATA, 53) == pod.ip
        assert refused(pod.pid, METADATA, 54)


@pytest.mark.threat("T74")
def test_a_pod_reaches_no_link_local_service_of_the_host(bed: Bed) -> None:
    pod = bed.pod("web")
    (local,) = (
        word
        for line in bed.host.run("ip", "-o", "-6", "address", "show", "dev", pod.link).splitlines()
        for word in line.split()
        if word.startswith("fe80")
    )
    address = f"{local.partition('/')[0]}%eth0"

    def connect(timeout: float) -> socket.socket:
        return socket.create_connection((address, 7000), timeout)

    listener = in_network_of(
        bed.host.pid, lambda: socket.create_server(("::", 7000), family=socket.AF_INET6)
    )
    with listener:
        with pytest.raises(OSError, match=r"timed out"):
            in_network_of(pod.pid, lambda: connect(0.5)).close()
        bed.host.run(*GUARD_OFF)
        in_network_of(pod.pid, lambda: connect(20)).close()


@pytest.mark.threat("T74")
@pytest.mark.parametrize("group", ["ff02::fb", "224.0.0.251"])
def test_the_host_hears_no_multicast_of_pods(bed: Bed, group: str) -> None:
    pod = bed.pod("web")
    is6 = ":" in group
    kind = socket.AF_INET6 if is6 else socket.AF_INET

    def receiver() -> socket.socket:
        server = socket.socket(kind, socket.SOCK_DGRAM)
        server.bind(("::" if is6 else "0.0.0.0", 5353))
        index = socket.if_nametoindex(pod.link)
        packed = socket.inet_pton(kind, group)
        if is6:
            number = index.to_bytes(4, "little")
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + number)
        else:
            local = socket.inet_aton("0.0.0.0") + index.to_bytes(4, "little")
            server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + local)
        return server

    def say(text: bytes) -> None:
        with in_network_of(pod.pid, lambda: socket.socket(kind, socket.SOCK_DGRAM)) as client:
            client.sendto(text, (group, 5353))

    with in_network_of(bed.host.pid, receiver) as server:
        server.settimeout(10)
        in_pod(bed, pod, "ip", "route", "replace", "224.0.0.0/4", "dev", "eth0")
        say(b"denied")
        bed.host.run(*GUARD_OFF)
        say(b"the control")
        assert server.recv(100) == b"the control"


@pytest.mark.threat("T74")
def test_a_pod_cannot_send_from_another_address_of_ipv6(bed: Bed) -> None:
    pod, other = bed.pod("web"), bed.pod("other")
    in_pod(bed, pod, "ip", "address", "add", f"{six(other)}/128", "dev", "eth0", "nodad")
    bed.host.run("ip", "-6", "route", "replace", six(other), "dev", pod.link)
    with serving(bed.host.pid, "::", 9000):
        assert ask(pod.pid, HOST6, 9000, source=six(pod)) == six(pod)
        assert refused(pod.pid, HOST6, 9000, source=six(other))
        bed.host.run(*GUARD_OFF)
        assert ask(pod.pid, HOST6, 9000, source=six(other)) == six(other), "the control"


def test_networks_on_which_rules_cannot_be_enforced_are_refused(bed: Bed) -> None:
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": IPAM})
    bed.network("back", {"type": "bridge", "bridge": "br9", "isGateway": True, "ipam": IPAM})
    before = bed.ledger()
    pod = bed.launch("web", net="wire", allow=[{"to": "host"}])
    assert pod.error.startswith("network wire: rules of a pod cannot be enforced on it, since its")
    assert pod.answer["reason"] == "no-rules"
    pod = bed.launch("web", net="default,back", allow=[{"to": "host"}])
    assert "this kernel does not follow connections on bridges" in pod.error
    assert bed.settled(before) == before
    assert bed.launch("web", net="back").up


def test_rules_end_with_the_pod(bed: Bed) -> None:
    before = bed.ledger()
    one = bed.pod("one")
    between = bed.ledger()["nft"]
    pod = start(bed, "db", {"from": "pod one"}, {"to": "network default"}, {"to": METADATA})
    assert "pod_one_4" in bed.ledger()["nft"]
    pod.down()
    assert bed.ledger()["nft"] == between
    one.down()
    assert bed.settled(before) == before


def test_a_flushed_firewall_comes_back_with_its_rules(bed: Bed) -> None:
    pod, other = start(bed, "db", {"from": "pod shop"}), bed.pod("other")
    bed.host.run("nft", "flush", "ruleset")
    with serving(pod.pid, "0.0.0.0", 80):
        shop = bed.pod("shop")
        assert ask(shop.pid, pod.ip, 80) == shop.ip
        assert refused(other.pid, pod.ip, 80)


def test_what_is_missing_is_told(bed: Bed) -> None:
    pod = start(bed, "db", {"from": "pod shop"}, ports=("8080:80",))
    code = """if True:
        from podwright.kernel.nft import Nft
        from podwright.net import firewall, ledger
        print("\\n".join(firewall.missing(Nft(), ledger.read_all(NET).holdings)))
    """
    assert bed.agent(code) == "\n"
    bed.host.run("nft", "delete element inet podwright any4 { tcp . 8080 }")
    without_rules(bed, pod, "enter")
    bed.host.run(*GUARD_OFF)
    assert bed.agent(code).splitlines() == [
        f"table inet podwright: chain enter_{pod.uuid} has no rules",
        "table inet podwright: chain guard has no rules",
        f"table inet podwright: any4 lacks tcp . 8080 : {pod.ip} . 80",
    ]
    bed.host.run("nft", "flush", "ruleset")
    assert bed.agent(code) == "table inet podwright is not there\n"
