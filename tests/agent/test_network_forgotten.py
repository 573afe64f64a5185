# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that were allowed do not outlive the pods that had them; denials with controls (threats.md T74)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import HOST, Bed, Pod
from tests.support.namespaces import in_network_of

KINDS = {4: socket.AF_INET, 6: socket.AF_INET6}
FIXED = {4: "172.16.28.50", 6: "fd70:6f64:7772:1c::50"}
NET = f"default:IP={FIXED[4]}+{FIXED[6]}"
TCP_REPAIR = 19
PATIENCE, MOMENT = 20.0, 0.5


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host with both families and an outside neighbour."""
    with Bed(tmp_path) as made:
        made.with_ipv6()
        yield made


def start(bed: Bed, name: str, *allow: dict[str, Any], net: str = "default", **more: Any) -> Pod:
    pod = bed.launch(name, allow=list(allow), net=net, **more)
    assert pod.up, pod.answer or pod.close()
    return pod


def address(pod: Pod, family: int) -> str:
    found = [one.partition("/")[0] for one in pod.answer["result"]["networks"][0]["addresses"]]
    return str(next(one for one in found if (":" in one) is (family == 6)))


def bound(pid: int, port: int, family: int, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    """A socket in a namespace, of a port that may have been used before."""

    def make() -> socket.socket:
        made = socket.socket(KINDS[family], kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("", port))
        made.settimeout(PATIENCE)
        return made

    return in_network_of(pid, make)


def arrives(sender: socket.socket, to: tuple[str, int], receiver: socket.socket) -> bool:
    """Whether a datagram does; the sender's socket goes on being of use."""
    receiver.settimeout(MOMENT)
    sender.sendto(b"?", to)
    try:
        receiver.recvfrom(9)
    except TimeoutError:
        return False
    return True


def talk(sender: socket.socket, to: tuple[str, int], receiver: socket.socket) -> None:
    """A datagram in both directions: a connection, for the kernel."""
    sender.sendto(b"hello", to)
    receiver.sendto(b"hello", receiver.recvfrom(9)[1])
    assert sender.recv(9) == b"hello"


def without_rules(bed: Bed, pod: Pod) -> None:
    bed.host.run("nft", "flush", "chain", "inet", "podwright", f"enter_{pod.uuid}")


@pytest.mark.threat("T74")
@pytest.mark.parametrize("family", [4, 6])
def test_the_next_pod_at_an_address_does_not_inherit_connections(bed: Bed, family: int) -> None:
    db = start(bed, "db", {"from": "pod shop"})
    there = (address(db, family), 7011)
    shop = start(bed, "shop", net=NET)
    with bound(db.pid, 7011, family) as server:
        with bound(shop.pid, 5555, family) as client:
            talk(client, there, server)
        shop.down()
        other = start(bed, "other", net=NET)
        assert address(other, family) == FIXED[family]
        with bound(other.pid, 5555, family) as client:
            assert not arrives(client, there, server)
            without_rules(bed, db)
            assert arrives(client, there, server), "control"


@pytest.mark.threat("T74")
@pytest.mark.parametrize("family", [4, 6])
def test_what_talked_to_a_pod_before_meets_the_rules_of_the_next(bed: Bed, family: int) -> None:
    old, peer = start(bed, "db", net=NET), start(bed, "shop")
    there = (FIXED[family], 7011)
    with bound(peer.pid, 5555, family) as client:
        with bound(old.pid, 7011, family) as server:
            talk(client, there, server)
        old.down()
        new = start(bed, "db", {"from": "pod nobody"}, net=NET)
        with bound(new.pid, 7011, family) as server:
            assert not arrives(client, there, server)
            without_rules(bed, new)
            assert arrives(client, there, server), "control"


def connects(pid: int, port: int) -> bool:
    """Whether a new connection from the one old port comes about; it ends without a word."""
    with bound(pid, 4444, 4, socket.SOCK_STREAM) as client:
        client.settimeout(MOMENT)
        try:
            client.connect((HOST, port))
        except OSError:
            return False
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        return True


@pytest.mark.threat("T74")
def test_a_port_of_a_killed_pod_does_not_lead_to_the_next_one_at_its_address(bed: Bed) -> None:
    def listening(pod: Pod) -> socket.socket:
        made = bound(pod.pid, 7010, 4, socket.SOCK_STREAM)
        made.listen()
        return made

    first = start(bed, "first", net=NET, ports=["8010:7010"])
    with listening(first):
        assert connects(bed.outside.pid, 8010)
    first.kill()
    first.process.wait()
    closed = start(bed, "closed", net=NET)
    with listening(closed):
        assert not connects(bed.outside.pid, 8010)
    closed.down()
    with listening(start(bed, "open", net=NET, ports=["8010:7010"])):
        assert connects(bed.outside.pid, 8010), "control"


FORGET = """
import socket
from podwright.kernel import conntrack
def count():
    netlink = socket.socket(16, 3, 12)
    netlink.bind((0, 0))
    assert len(conntrack._dump(netlink)) == conntrack._count(netlink)
    return conntrack._count(netlink)
def send(source, to, port):
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"?", (to, port))
if LISTED:
    conntrack._forget_all = lambda *_: False
send("127.0.0.2", "127.0.0.3", 53)
send("127.0.0.3", "127.0.0.2", 53)
send("127.0.0.4", "127.0.0.5", 53)
send("127.0.0.4", "127.0.0.5", 54)
send("::1", "::1", 54)
print(count())
conntrack.forget((), ("127.0.0.3", "127.0.0.99"), listing=not LISTED)
print(count())
for ports, addresses in (((), ("127.0.0.3",)), ([("udp", 54), ("tcp", 53)], ()), ((), ("127.0.0.5",))):
    conntrack.forget(ports, addresses)
    print(count())
"""
TRACKED = "table inet t { chain c { type filter hook output priority 0; ct state new accept; }; }"


@pytest.mark.parametrize("listed", [False, True])
def test_only_what_is_meant_is_forgotten_with_and_without_the_kernels_help(
    bed: Bed, listed: bool
) -> None:
    bed.host.run("nft", TRACKED)
    found = bed.agent(f"LISTED = {listed}\n{FORGET}").split()
    # Without help, a start does not wait for the list.
    assert found == (["5", "5", "3", "1", "0"] if listed else ["5", "3", "3", "1", "0"])
