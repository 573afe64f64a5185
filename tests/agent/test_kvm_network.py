# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of pods in virtual machines are those of pods in namespaces: the same tests, with a guest at the end (D6).

The guest is a network namespace of its own, and a process passes packets on between its devices and the pod's taps, as
QEMU does; the rest is the real thing (see `network_launcher.py`). `test_kvm_machine_network.py` has a real machine.
"""

# ruff: noqa: F401 -- tests that are imported are run here, too

from __future__ import annotations

import hashlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import HOST, METADATA, OUTSIDE, Bed, Pod, ask, refused, serving
from tests.agent.test_cni import (
    CniBed,
    test_both_families_from_executables,
    test_debians_sbr_follows_our_ptp,
)
from tests.agent.test_network import (
    test_a_pod_cannot_send_from_another_address,
    test_a_pod_does_not_reach_the_hosts_loopback_through_its_link,
    test_a_pods_end_leaves_the_host_as_it_was,
    test_a_published_port_answers_from_everywhere,
    test_an_unpublished_port_is_not_reachable_from_outside,
    test_the_metadata_address_is_denied,
    test_the_pod_and_the_host_reach_each_other,
    test_the_result_says_what_the_pod_has,
    test_udp_ports_are_published_too,
)
from tests.agent.test_network_addresses import (
    LAN,
    configure,
    test_a_pod_gets_and_gives_back_an_address_of_a_real_server,
    test_a_pod_on_a_bridge_with_a_server_behind_it,
)
from tests.agent.test_network_kinds import (
    WIRED,
    start,
    test_isolated_ports_do_not_reach_each_other_not_even_through_the_host,
    test_pods_on_a_bridge_reach_each_other_the_host_and_the_outside,
    test_private_macvlan_pods_do_not_reach_each_other,
    test_ptp_with_both_families_and_tuning,
)
from tests.agent.test_network_ports import (
    test_a_datagram_sender_that_never_stops_reaches_the_pod_that_took_over,
    test_a_published_port_answers_over_ipv6_from_everywhere,
    test_pods_of_one_bridge_reach_each_others_published_ports,
    test_the_outside_sees_the_hosts_address_over_ipv6,
    test_udp_over_ipv6,
)
from tests.agent.test_network_rules import (
    test_a_pod_reaches_only_what_it_may,
    test_datagrams_obey_rules_too,
    test_only_the_pod_that_is_named_gets_in,
)
from tests.agent.test_network_several import (
    test_a_pod_on_two_networks_is_reached_on_each_by_those_who_are_on_one,
)
from tests.support.namespaces import in_network_of

MUCH = bytes(range(256)) * 8192


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[CniBed]:
    """A fresh host whose pods are in machines, an outside and an other neighbour."""
    made = CniBed(tmp_path)
    made.machine = True
    with made:
        made.with_ipv6()
        configure(made, "lan", LAN)
        yield made


def sent(here: int, there: int, ip: str) -> str:
    """The digest of what arrives when much is sent over TCP from one namespace to an address in another."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    listener = in_network_of(there, lambda: socket.create_server((ip, 9000), family=family))
    got = hashlib.sha256()

    def take() -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(1 << 16):
                got.update(data)

    thread = threading.Thread(target=take)
    thread.start()
    with in_network_of(here, lambda: socket.create_connection((ip, 9000), 60)) as client:
        client.sendall(MUCH)
    thread.join()
    listener.close()
    return got.hexdigest()


@pytest.mark.parametrize("bridged", [False, True])
@pytest.mark.parametrize("mtu", [1400, 9000])
def test_every_byte_arrives_both_ways_whatever_the_mtu(
    bed: CniBed, bridged: bool, mtu: int
) -> None:
    """Large packets and those with unfinished checksums, by tc and by a bridge where there is none."""
    ranges = [[{"subnet": "10.8.0.0/24"}], [{"subnet": "fd08::/64"}]]
    ipam = {"type": "host-local", "ranges": ranges}
    bed.network("net", {"type": "ptp", "mtu": mtu, "ipam": ipam})
    pod = bed.launch("web", net="net", bridged=bridged)
    assert pod.up, pod.answer
    wanted = hashlib.sha256(MUCH).hexdigest()
    for one, gateway in (("10.8.0.2", "10.8.0.1"), ("fd08::2", "fd08::1")):
        assert sent(bed.host.pid, pod.pid, one) == wanted
        assert sent(pod.pid, bed.host.pid, gateway) == wanted
    shown = bed.host.run("nsenter", f"--target={pod.pid}", "--net", "ip", "link", "show", "eth0")
    assert f"mtu {mtu} " in shown


def test_a_machine_on_the_wire_of_the_host(bed: CniBed) -> None:
    """By macvlan, whose link passes on what is sent to the guest's own MAC address and to groups."""
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": WIRED, "mtu": 1400})
    one, two = start(bed, "wire"), start(bed, "wire", name="two")
    with serving(one.pid, one.ip, 80):
        assert ask(bed.outside.pid, one.ip, 80) == OUTSIDE
        assert ask(two.pid, one.ip, 80) == two.ip
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(one.pid, OUTSIDE, 80) == one.ip


@pytest.mark.threat("T74")
def test_a_guest_that_is_taken_over_does_not_reach_metadata_on_the_wire(bed: CniBed) -> None:
    """It may take back what its own kernel refuses; the host's side does not pass it on either."""
    ipam = {**WIRED, "gateway": OUTSIDE, "routes": [{"dst": "0.0.0.0/0"}]}
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": ipam})
    for address in (METADATA, "198.51.100.7"):
        bed.outside.run("ip", "address", "add", f"{address}/32", "dev", "lo")
    pod = start(bed, "wire")
    guest = ["nsenter", "--net", f"--target={pod.pid}", "ip"]
    bed.host.run(*guest, "route", "delete", "prohibit", "169.254.0.0/16")
    with serving(bed.outside.pid, "0.0.0.0", 80):
        assert ask(pod.pid, "198.51.100.7", 80) == pod.ip, "the control"
        assert refused(pod.pid, METADATA, 80)


def test_a_guest_that_is_taken_over_sends_by_its_own_mac_address_only(bed: CniBed) -> None:
    """On a link that no firewall of the host sees."""
    bed.network("wire", {"type": "macvlan", "master": "uplink0", "ipam": WIRED})
    pod = start(bed, "wire")
    guest = ["nsenter", "--net", f"--target={pod.pid}", "ip"]
    bed.outside.run("ip", "neighbour", "flush", "all")
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(pod.pid, OUTSIDE, 80) == pod.ip, "the control"
        bed.host.run(*guest, "link", "set", "eth0", "address", "02:00:00:00:00:99")
        assert refused(pod.pid, OUTSIDE, 80)


def test_limits_of_the_network_hold_a_machine_too(bed: CniBed) -> None:
    """They are at the host's end, where no guest gets at them."""
    limit = {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000,
             "egressRate": 8_000_000, "egressBurst": 800_000}  # fmt: skip
    bed.network(
        "slow", {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.8.0.0/24"}}, limit
    )
    pod = bed.launch("web", net="slow")
    assert pod.up, pod.answer
    chain = bed.host.run("nft", "list", "chain", "netdev", "podwright", pod.link)
    assert "limit rate over" in chain
    assert "tbf" in bed.host.run("tc", "qdisc", "show", "dev", pod.link)
    inside = bed.host.run("nsenter", "--net", f"--target={pod.netns}", "tc", "qdisc", "show")
    assert "tbf" in inside, "what it sends is paced"
    assert sent(pod.pid, bed.host.pid, "10.8.0.1") == hashlib.sha256(MUCH).hexdigest()


def test_what_a_machine_cannot_be_on_is_refused_in_a_sentence(bed: CniBed) -> None:
    bed.network("thin", {"type": "ipvlan", "master": "uplink0", "ipam": WIRED})
    before = bed.ledger()
    assert bed.launch("web", net="thin").error.startswith(
        "network thin: a virtual machine cannot be on a network of type ipvlan: all links of it share"
    )
    refusal = bed.launch("web", net="host").error
    assert refusal.startswith("a pod in a virtual machine cannot have the host's network")
    assert bed.settled(before) == before
