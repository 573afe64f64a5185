# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from podwright.cli import addresses

BOTH = {
    "netName": "default",
    "ip": "172.16.28.2",
    "addresses": ["172.16.28.2/24", "fd70::2/64"],
    "ports": [
        {"protocol": "tcp", "hostIP": "", "hostPort": 8080, "podPort": 80},
        {"protocol": "tcp", "hostIP": "", "hostPort": 8081, "podPort": 81},
        {"protocol": "udp", "hostIP": "2001:db8::1", "hostPort": 53, "podPort": 53},
    ],
}
SIX = {"netName": "lab", "ip": "fd00::5", "addresses": ["fd00::5/64"], "ports": []}


def test_networks_with_their_addresses() -> None:
    assert addresses.networks([BOTH, SIX], every=True) == (
        "default:ip4=172.16.28.2,default:ip6=fd70::2,lab:ip6=fd00::5"
    )


def test_one_address_of_each_network_where_there_is_little_room() -> None:
    assert addresses.networks([BOTH, SIX], every=False) == (
        "default:ip4=172.16.28.2,lab:ip6=fd00::5"
    )


def test_what_a_former_agent_recorded() -> None:
    assert addresses.networks([{"netName": "default", "ip": "172.16.28.2"}], every=True) == (
        "default:ip4=172.16.28.2"
    )


def test_a_network_without_addresses() -> None:
    bare = {"netName": "wire", "ip": "", "addresses": []}
    assert addresses.networks([bare], every=True) == "wire"


def test_successive_ports_in_one_line() -> None:
    assert addresses.ports([BOTH, SIX]) == [
        "tcp 8080-8081 -> 80-81",
        "udp [2001:db8::1]:53 -> 53",
    ]
