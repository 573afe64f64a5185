# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports in both families: from where they answer, what is in their way, and what is refused (D5)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import (
    HOST,
    HOST_OTHER,
    OTHER,
    OUTSIDE,
    Bed,
    Pod,
    ask,
    refused,
    serving,
)
from tests.support.namespaces import in_network_of

HOST6, OUTSIDE6 = "2001:db8:0:1::1", "2001:db8:0:1::2"
HOST_OTHER6, OTHER6 = "2001:db8:0:2::1", "2001:db8:0:2::2"
GATEWAY6 = "fd70:6f64:7772:1c::1"
BRIDGE = {
    "type": "bridge",
    "bridge": "br9",
    "isGateway": True,
    "ipMasq": True,
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd09::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    },
}
DOOR = {**BRIDGE, "type": "ptp"}
del DOOR["bridge"], DOOR["isGateway"]


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host with both families, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        made.with_ipv6()
        yield made


def six(pod: Pod) -> str:
    found = [one for one in pod.answer["result"]["networks"][0]["addresses"] if ":" in one]
    return str(found[0].partition("/")[0])


def start(bed: Bed, net: str, *ports: str, name: str = "web") -> Pod:
    pod = bed.launch(name, ports, net=net)
    assert pod.up, pod.answer or pod.close()
    return pod


@pytest.mark.kernel
def test_a_published_port_answers_over_ipv6_from_everywhere(bed: Bed) -> None:
    pod, client = bed.pod("web", "8080:80"), bed.pod("client")
    with serving(pod.pid, "::", 80):
        assert ask(bed.outside.pid, HOST6, 8080) == OUTSIDE6
        assert ask(bed.other.pid, HOST_OTHER6, 8080) == OTHER6
        assert ask(bed.host.pid, HOST6, 8080) == HOST6
        assert ask(client.pid, HOST6, 8080) == six(client)
        assert ask(client.pid, GATEWAY6, 8080) == six(client)
        assert ask(pod.pid, HOST6, 8080) == GATEWAY6, "a pod that calls its own published port"


def test_localhost_at_ipv6_is_refused_at_once_so_that_clients_fall_back(bed: Bed) -> None:
    """A time-out there would hold up everybody who says localhost."""
    pod = bed.pod("web", "8080:80")
    with serving(pod.pid, "0.0.0.0", 80):
        with pytest.raises(ConnectionRefusedError):
            ask(bed.host.pid, "::1", 8080)
        assert ask(bed.host.pid, "127.0.0.1", 8080) == "172.16.28.1"


@pytest.mark.parametrize(
    ("at", "open4", "open6"), [("", True, True), ("0.0.0.0:", True, False), ("[::]:", False, True)]
)
def test_which_families_the_address_of_a_port_means(
    bed: Bed, at: str, open4: bool, open6: bool
) -> None:
    pod = bed.pod("web", f"{at}8080:80")
    with serving(pod.pid, "0.0.0.0", 80), serving(pod.pid, "::", 80):
        for address, is_open in ((HOST, open4), (HOST6, open6)):
            patience = 20 if is_open else 0.5
            assert refused(bed.outside.pid, address, 8080, patience) is not is_open


def test_a_port_on_one_address_of_ipv6_answers_only_there(bed: Bed) -> None:
    pod = bed.pod("web", f"[{HOST6}]:8080:80")
    with serving(pod.pid, "::", 80), serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST6, 8080) == OUTSIDE6
        assert refused(bed.other.pid, HOST_OTHER6, 8080)
        assert refused(bed.outside.pid, HOST, 8080)


def test_udp_over_ipv6(bed: Bed) -> None:
    pod = bed.pod("dns", "5353:53/udp")

    def receiver() -> socket.socket:
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.bind(("::", 53))
        return server

    server = in_network_of(pod.pid, receiver)
    client = in_network_of(
        bed.outside.pid, lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    )
    with server, client:
        server.settimeout(10)
        client.settimeout(10)
        client.sendto(b"?", (HOST6, 5353))
        _, sender = server.recvfrom(100)
        server.sendto(b"!", sender)
        assert client.recvfrom(100)[1][:2] == (HOST6, 5353)


def test_the_outside_sees_the_hosts_address_over_ipv6(bed: Bed) -> None:
    pod = bed.pod("web")
    with serving(bed.outside.pid, OUTSIDE6, 80):
        assert ask(pod.pid, OUTSIDE6, 80) == HOST6


@pytest.mark.parametrize("called", [0, 1])
def test_pods_of_one_bridge_reach_each_others_published_ports(bed: Bed, called: int) -> None:
    """The answer would go straight over the bridge, from an address that was never called.

    Unless what bridges forward is shown to the firewall, as container managers like it; it then
    turns addresses round there.
    """
    for words in ("iptables", "ip6tables"):
        bed.host.run("sysctl", "-qw", f"net.bridge.bridge-nf-call-{words}={called}")
    bed.network("back", BRIDGE)
    pod, client = start(bed, "back", "8080:80"), start(bed, "back", name="client")
    with serving(pod.pid, "0.0.0.0", 80), serving(pod.pid, "::", 80):
        assert ask(client.pid, HOST, 8080) == (client.ip if called else "10.9.0.1")
        assert ask(client.pid, HOST6, 8080) == (six(client) if called else "fd09::1")
        assert ask(client.pid, pod.ip, 80) == client.ip, "not through the port: as it is"


def test_ports_lead_through_the_network_that_masquerades(bed: Bed) -> None:
    bed.network("inner", {**DOOR, "ipMasq": False})
    pod = start(bed, "inner,default", "8080:80")
    networks = pod.answer["result"]["networks"]
    assert [(one["netName"], bool(one["ports"])) for one in networks] == [
        ("inner", False),
        ("default", True),
    ]
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE


def test_pods_of_other_networks_reach_a_published_port_and_nothing_else(bed: Bed) -> None:
    bed.network("door", DOOR)
    pod, other = bed.pod("web", "8080:80"), start(bed, "door", name="other")
    with serving(pod.pid, "0.0.0.0", 80), serving(pod.pid, "::", 80):
        assert ask(other.pid, HOST, 8080) == other.ip
        assert ask(other.pid, HOST6, 8080) == six(other)
        assert refused(other.pid, pod.ip, 80)
        assert refused(other.pid, six(pod), 80)
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(other.pid, pod.ip, 80) == other.ip, "the control"
        assert ask(other.pid, six(pod), 80) == six(other), "the control"


def test_sctp_is_published_like_the_others(bed: Bed) -> None:
    """What of it this kernel can show: two pods are compared, and the maps lead there."""
    pod = bed.pod("diameter", "3868:3868/sctp", f"[{HOST6}]:3869:3868/sctp")
    table = bed.host.run("nft", "list", "table", "inet", "podwright")
    assert f"sctp . 3868 : {pod.ip} . 3868" in table
    assert f"sctp . {HOST6} . 3869 : {six(pod)} . 3868" in table
    assert (
        "sctp port 3868: is already in use by pod diameter"
        in bed.launch("x", ["3868:1/sctp"]).error
    )
    assert bed.launch("x", ["3868:1"]).up, "tcp is another protocol"


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_process_of_the_host_on_ipv6_is_in_the_way_of_its_family_only(
    bed: Bed, kind: str
) -> None:
    def listen() -> socket.socket:
        server = socket.socket(
            socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        )
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind((HOST6, 8080))
        if kind == "tcp":
            server.listen()
        return server

    with in_network_of(bed.host.pid, listen):
        for at in ("", "[::]:", f"[{HOST6}]:"):
            pod = bed.launch("web", [f"{at}8080:80/{kind}"])
            assert "already in use by a process on the host" in pod.error
        assert bed.launch("web", [f"0.0.0.0:8080:80/{kind}"]).up
    assert "already in use by pod web" in bed.launch("b", [f"8080:80/{kind}"]).error
    assert bed.launch("b", [f"[::]:8080:80/{kind}"]).up, "the other family is free"


def test_an_address_of_ipv6_that_the_host_has_not_is_refused(bed: Bed) -> None:
    pod = bed.launch("web", ["[2001:db8::9]:8080:80"])
    assert pod.error.startswith(
        "tcp port [2001:db8::9]:8080: 2001:db8::9 is not an address of this host"
    )


def test_a_family_that_the_pod_has_not_is_refused(bed: Bed) -> None:
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}
    bed.network("four", {**DOOR, "ipam": ipam})
    pod = bed.launch("web", ["[::]:8080:80"], net="four")
    assert pod.error == (
        "tcp port [::]:8080: the pod has no IPv6 address;"
        " publish it on another address, or give the pod a network with one"
    )
    assert bed.launch("web", ["8080:80"], net="four").up, "all addresses: those that lead there"


def test_ports_cannot_lead_to_a_pod_on_a_wire_of_the_host(bed: Bed) -> None:
    ipam = {"type": "host-local", "subnet": "198.51.100.0/24"}
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": ipam})
    before = bed.ledger()
    pod = bed.launch("web", ["8080:80"], net="wire")
    assert pod.error.startswith(
        "network wire: ports of the host cannot lead to a pod on a network of type macvlan"
    )
    assert bed.settled(before) == before
    both = start(bed, "wire,default", "8080:80")
    with serving(both.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE


def test_a_datagram_sender_that_never_stops_reaches_the_pod_that_took_over(bed: Bed) -> None:
    """The kernel remembered where the port led, for as long as datagrams came."""

    def receiver() -> socket.socket:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("0.0.0.0", 514))
        server.settimeout(10)
        return server

    def sender() -> socket.socket:
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((OUTSIDE, 4000))
        return client

    with in_network_of(bed.outside.pid, sender) as client:
        pod = bed.pod("log", "514:514/udp")
        first = pod.ip
        with in_network_of(pod.pid, receiver) as server:
            client.sendto(b"one", (HOST, 514))
            assert server.recv(100) == b"one"
        pod.down()
        client.sendto(b"lost", (HOST, 514))
        again = bed.pod("log", "514:514/udp")
        assert again.ip != first
        with in_network_of(again.pid, receiver) as server:
            client.sendto(b"two", (HOST, 514))
            assert server.recv(100) == b"two"


def test_a_bridge_of_the_host_goes_on_forwarding_between_its_ports(bed: Bed) -> None:
    """Where the firewall is shown that, a pod's start cut off the machines on the bridge."""
    bed.host.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
    bed.host.run("ip", "link", "add", "lan0", "type", "bridge")
    for neighbour, link, address in ((bed.outside, "lan1", "1"), (bed.other, "lan2", "2")):
        pid = str(neighbour.pid)
        bed.host.run(
            *("ip", "link", "add", link, "master", "lan0", "type", "veth"),
            *("peer", "name", "lan", "netns", pid),
        )
        neighbour.run("ip", "address", "add", f"198.51.100.{address}/24", "dev", "lan")
        neighbour.run("ip", "link", "set", "lan", "up")
        bed.host.run("ip", "link", "set", link, "up")
    bed.host.run("ip", "link", "set", "lan0", "up")
    with serving(bed.other.pid, "198.51.100.2", 80):
        assert ask(bed.outside.pid, "198.51.100.2", 80) == "198.51.100.1"
        bed.pod("web")
        assert ask(bed.outside.pid, "198.51.100.2", 80) == "198.51.100.1"


def test_ports_of_the_other_neighbour_stay_closed(bed: Bed) -> None:
    """A pod does not make the host a router of IPv6, either."""
    with serving(bed.other.pid, OTHER6, 80), serving(bed.other.pid, OTHER, 80):
        assert refused(bed.outside.pid, OTHER6, 80)
        bed.pod("web")
        assert refused(bed.outside.pid, OTHER6, 80)
        assert refused(bed.outside.pid, OTHER, 80)
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(bed.outside.pid, OTHER6, 80) == OUTSIDE6, "the control"
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE, "the control"
    assert HOST_OTHER
