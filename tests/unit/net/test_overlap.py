# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which networks cannot be on a host beside what is there."""

from __future__ import annotations

import pytest

from podwright.errors import NetworkError
from podwright.kernel.rtlook import Match
from podwright.net import overlap
from podwright.net.values import Address, Attachment, Holding, NetConf
from podwright.values import replace

CONF = NetConf("x", "1.0.0", ({"type": "ptp"},))


def attached(net: str, ip: str, prefix: int, bridge: str = "", vlan: int = 0) -> Attachment:
    address = Address(ip, prefix, "10.0.0.1")
    state = (("vlan", vlan),)
    return Attachment(net, "ptp", "eth0", CONF, host_if="podw0", bridge=bridge, zone=net,
                      addresses=(address,), state=state)  # fmt: skip


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (attached("b", "10.0.1.9", 16), "10.0.0.0/24 overlaps 10.0.0.0/16 of network b"),
        (attached("b", "10.1.0.9", 24, "br"), "bridge br is network b's"),
        (attached("b", "10.1.0.9", 24, "br", 5), "bridge br is network b's"),
    ],
)
def test_networks_do_not_share_addresses_or_bridges(other: Attachment, said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        overlap.refuse_shared(attached("a", "10.0.0.2", 24, "br"), other)


def test_vlans_of_one_bridge_are_apart() -> None:
    overlap.refuse_shared(
        attached("a", "10.0.0.2", 24, "br", 4), attached("b", "10.1.0.9", 24, "br", 5)
    )
    overlap.refuse_shared(attached("a", "10.0.0.2", 24), attached("b", "fd00::9", 64))


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (Match("lan0", 32, local=True, near=False), "an address of the host itself"),
        (Match("lan0", 16, local=False, near=True), "the host's own network on link lan0"),
        (Match("vpn0", 24, local=False, near=False), "a route through link vpn0"),
        (Match("vpn0", 8, local=False, near=False), ""),
        (Match("lan0", 0, local=False, near=False), ""),
        (Match("podw0", 32, local=True, near=False), ""),
        (Match("br", 24, local=False, near=True), ""),
    ],
)
def test_what_of_the_hosts_routes_speaks_against_an_address(match: Match, said: str) -> None:
    one = attached("a", "10.0.0.2", 24, "br")
    found = overlap.problem(one, one.addresses[0], match)
    assert said in found and bool(said) == bool(found)


@pytest.mark.parametrize(
    "after",
    [
        attached("a", "10.0.0.3", 24, "other"),
        attached("a", "10.0.0.3", 16, "other"),
        replace(attached("a", "10.0.0.3", 24, "br"), kind="bridge"),
        replace(attached("a", "10.0.0.3", 24, "br"), state=(("via", "br.5"),)),
    ],
)
def test_a_subnet_does_not_move_while_pods_are_where_it_was(after: Attachment) -> None:
    before = attached("a", "10.0.0.2", 24, "br")
    with pytest.raises(NetworkError, match="in use by pods that started before its configuration"):
        overlap.refuse_moved(after, before)
    with pytest.raises(NetworkError, match="in use by pods"):
        overlap.refuse((after,), (holding(before),))
    overlap.refuse_moved(attached("a", "10.0.0.3", 24, "br"), before)
    overlap.refuse_moved(attached("a", "10.1.0.3", 24, "other"), before)


def holding(*attachments: Attachment, uuid: str = "u") -> Holding:
    return Holding(uuid, f"pod-{uuid}", "", (), "b", "/run", attachments)


def answered(net: str, *ips: str) -> Attachment:
    addresses = tuple(Address(ip, 24) for ip in ips)
    return Attachment(net, "x", "eth0", CONF, addresses=addresses, external=True)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("10.0.0.2", "10.0.0.2, which pod pod-other has"),
        ("127.0.0.1", "no pod can have"),
        ("0.0.0.0", "no pod can have"),
        ("224.0.0.1", "no pod can have"),
        ("ff02::1", "no pod can have"),
    ],
)
def test_a_plugin_does_not_answer_with_what_is_not_its_own(found: str, said: str) -> None:
    others = [holding(attached("a", "10.0.0.2", 24), uuid="other")]
    with pytest.raises(NetworkError, match=said):
        overlap.refuse_answered(holding(answered("x", "10.0.0.9", found)), others)
    overlap.refuse_answered(holding(answered("x", "10.0.0.9")), others)


def test_a_network_of_executables_knows_its_own_addresses() -> None:
    others = [holding(answered("x", "10.0.0.9"), uuid="other")]
    overlap.refuse_answered(holding(answered("x", "10.0.0.9")), others)
    with pytest.raises(NetworkError, match="pod-other has"):
        overlap.refuse_answered(holding(answered("y", "10.0.0.9")), others)
