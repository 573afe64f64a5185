# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods do not make of a host: a router, or a way around rules. Each denial with its control (threats.md T74)."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import HOST, OTHER, OUTSIDE, Bed, Pod, ask, refused, serving
from tests.support import frames
from tests.support.namespaces import in_network_of

pytestmark = pytest.mark.threat("T74")
NOBODY, ARP_REQUEST = "0.0.0.0", 1
WATCH = """
import json
from podwright.kernel import sysctl
from podwright.kernel.nft import Nft
from podwright.net import allocate, firewall, gc
from podwright.net.values import NetRequest
nft, write, seen = Nft(), sysctl.write, []
def watched(key, text):
    if key == "net/ipv4/ip_forward":
        seen.append([text, firewall.exists(nft)])
    write(key, text)
sysctl.write = watched
taken = allocate.allocate(NetRequest.from_json(REQUEST), nft)
gc.give_back(NET, (taken.holding,), nft)
print(json.dumps([*seen, firewall.exists(nft)]))
"""


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host with both families, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        made.with_ipv6()
        yield made


def test_the_host_is_a_router_at_no_moment_of_a_pods_start_and_end(bed: Bed) -> None:
    """Datagrams passed between its links for as long as making and removing the table took."""
    seen = bed.agent(WATCH.replace("REQUEST", repr(bed.request("web"))))
    assert json.loads(seen) == [["1", True], ["0", True], False]


def test_a_link_that_is_renamed_is_not_routed(bed: Bed) -> None:
    bed.pod("web")
    rename = "ip link set uplink1 down; ip link set uplink1 name wan0; ip link set wan0 up"
    bed.host.run("sh", "-c", rename)
    with serving(bed.other.pid, OTHER, 80):
        assert ask(bed.host.pid, OTHER, 80)
        assert refused(bed.outside.pid, OTHER, 80)
        bed.host.run("nft", "flush", "set", "inet", "podwright", "numbers4")
        assert ask(bed.outside.pid, OTHER, 80) == OUTSIDE, "the control"


def test_a_renamed_link_does_not_keep_the_host_forwarding(bed: Bed) -> None:
    pod = bed.pod("web")
    bed.host.run("ip", "link", "set", "uplink1", "down")
    bed.host.run("ip", "link", "set", "uplink1", "name", "wan0")
    pod.down()
    assert bed.ledger()["forwarding"] == "0\n"
    assert bed.ledger()["nft"] == ""


def test_port_isolation_holds_when_forwarding_is_turned_on_again(bed: Bed) -> None:
    """The bridge was taken for one of the host's, where anything passes."""
    ipam = {"type": "host-local", "subnet": "10.90.0.0/24"}
    bridge = {"type": "bridge", "bridge": "iso0", "isGateway": True, "portIsolation": True}
    bed.network("iso", {**bridge, "ipam": ipam})
    one, two = bed.launch("one", net="iso"), bed.launch("two", net="iso")
    for pod, other in ((one, two), (two, one)):
        way = ("ip", "route", "replace", f"{other.ip}/32", "via", "10.90.0.1")
        bed.host.run("nsenter", "--target", str(pod.pid), "--net", *way)
    with serving(two.pid, two.ip, 80):
        assert refused(one.pid, two.ip, 80)
        bed.host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        bed.pod("web")
        assert refused(one.pid, two.ip, 80)
        assert "iso0" not in bed.host.run("nft", "list", "set", "inet", "podwright", "inside")
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "between")
        assert ask(one.pid, two.ip, 80), "the control"


def receiver(address: str, port: int, family: int = socket.AF_INET) -> Callable[[], socket.socket]:
    def make() -> socket.socket:
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.settimeout(10)
        return made

    return make


def send(pid: int, source: str, target: tuple[str, int], data: bytes) -> None:
    """A datagram from a network."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with in_network_of(pid, lambda: socket.socket(family, socket.SOCK_DGRAM)) as client:
        client.bind((source, 0))
        client.sendto(data, target)


@pytest.mark.parametrize("index", [0, 1], ids=["IPv4", "IPv6"])
def test_a_neighbour_on_the_wire_does_not_pass_for_a_pod(bed: Bed, index: int) -> None:
    """With the address of the pod that may enter, it entered by the published port."""
    friend = bed.pod("friend")
    closed = bed.launch("closed", ["9000:9000/udp"], allow=[{"from": "pod friend"}])
    assert closed.up, closed.answer
    address = friend.answer["result"]["networks"][0]["addresses"][index].partition("/")[0]
    host, every, length = ((HOST, NOBODY, 32), ("2001:db8:0:1::1", "::", 128))[index]
    bed.outside.run("ip", "address", "add", f"{address}/{length}", "dev", "lo")
    family = socket.AF_INET6 if index else socket.AF_INET
    with in_network_of(closed.pid, receiver(every, 9000, family)) as server:
        send(bed.outside.pid, address, (host, 9000), b"forged")
        send(friend.pid, address, (host, 9000), b"friend")
        assert server.recv(100) == b"friend"
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "wire")
        send(bed.outside.pid, address, (host, 9000), b"forged")
        assert server.recv(100) == b"forged", "the control"


def test_a_pod_reaches_no_broadcast_address_of_the_hosts_other_links(bed: Bed) -> None:
    pod = bed.pod("web")
    with in_network_of(bed.host.pid, receiver(NOBODY, 9000)) as server:
        send(pod.pid, pod.ip, ("192.0.2.255", 9000), b"broadcast")
        send(pod.pid, pod.ip, (HOST, 9000), b"host")
        assert server.recv(100) == b"host"
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "guard")
        send(pod.pid, pod.ip, ("192.0.2.255", 9000), b"broadcast")
        assert server.recv(100) == b"broadcast", "the control"


def wire(protocol: int) -> Callable[[], socket.socket]:
    def make() -> socket.socket:
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        made.bind(("eth0", protocol))
        made.settimeout(10)
        return made

    return make


def test_a_pod_on_a_bridge_asks_who_has_an_address_only_for_its_own(bed: Bed) -> None:
    """A question from nobody, as before an address is used, is for one's own: with others it scans."""
    ipam = {"type": "host-local", "subnet": "10.90.0.0/24"}
    bed.network("back", {"type": "bridge", "bridge": "back0", "isGateway": True, "ipam": ipam})
    one, two = bed.launch("one", net="back"), bed.launch("two", net="back")
    with in_network_of(one.pid, wire(0)) as liar:
        mac = liar.getsockname()[4]
    sender = ":".join(f"{octet:02x}" for octet in mac)

    def probe(target: str) -> bytes:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, ARP_REQUEST) + mac + frames.ip(NOBODY)
        return frames.ethernet(
            sender, frames.EVERYBODY, 0x0806, body + bytes(6) + frames.ip(target)
        )

    def heard(server: socket.socket) -> bytes:
        """The next question from nobody."""
        while True:
            frame = server.recv(2000)
            if frame[6:12] == mac and frame[28:32] == bytes(4):
                return frame[38:42]

    with (
        in_network_of(one.pid, wire(0)) as liar,
        in_network_of(two.pid, wire(0x0806)) as server,
    ):
        liar.send(probe(two.ip))
        liar.send(probe(one.ip))
        assert heard(server) == frames.ip(one.ip)
        bed.host.run("nft", "flush", "chain", "bridge", "podwright", "guard")
        liar.send(probe(two.ip))
        assert heard(server) == frames.ip(two.ip), "the control"


NAT64 = ("64:ff9b::6464:64c8", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1")


@pytest.mark.parametrize("address", NAT64)
def test_metadata_is_not_reached_by_what_translators_make_of_its_address(
    bed: Bed, address: str
) -> None:
    bed.host.run("ip", "address", "add", f"{address}/128", "dev", "lo", "nodad")
    pod: Pod = bed.pod("web")
    with serving(bed.host.pid, address, 80):
        assert refused(pod.pid, address, 80)
        bed.host.run("nft", "flush", "chain", "inet", "podwright", "guard")
        assert ask(pod.pid, address, 80), "the control"
