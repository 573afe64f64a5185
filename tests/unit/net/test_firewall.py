# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall's commands, and that nftables understands them."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from podwright.net import firewall
from podwright.net.tables import ethernet, inet, rules
from podwright.net.values import Address, Attachment, Holding, NetConf, PortMap
from podwright.values import replace

UUID = "0123abcd-89ab-4def-8123-456789abcdef"
PTP = Attachment(
    net="default",
    kind="ptp",
    ifname="eth0",
    conf=NetConf("default", "1.0.0", ({"type": "ptp"},)),
    host_if="podw0123abcd89",
    addresses=(Address("172.16.28.2", 24, "172.16.28.1"), Address("fd00::2", 64, "fd00::1")),
    masquerade=True,
    zone="default",
)
BRIDGED = Attachment(
    net="back",
    kind="bridge",
    ifname="eth1",
    conf=NetConf("back", "1.0.0", ({"type": "bridge", "ipam": {"type": "dhcp"}},)),
    host_if="podw0123abcd89a",
    bridge="podw0",
    mac="02:03:04:05:06:07",
    addresses=(Address("10.1.0.2", 24), Address("fd01::2", 64)),
    zone="back",
    reach="host apart",
)
HOLDING = Holding(
    UUID,
    "web",
    "web",
    (),
    "boot",
    "/srv/pods/run",
    (PTP,),
    (
        PortMap("tcp", "", 8080, 80),
        PortMap("udp", "192.0.2.1", 53, 5353),
        PortMap("sctp", "2001:db8::1", 9, 9),
        PortMap("tcp", "::", 81, 81),
    ),
)
ALLOW: tuple[dict[str, Any], ...] = (
    {"from": "pod a-b", "ports": ["80/tcp", "8000-8010/udp"]},
    {"from": "network a_B.c-d"},
    {"from": "::/0", "ports": ["9/sctp"]},
    {"to": "host"},
    {"to": "10.0.0.0/8"},
    {"to": "169.254.169.254/32", "ports": ["80/tcp"]},
)
RULED = replace(HOLDING, uuid=UUID.replace("0123", "4567"), ports=(), allow=ALLOW)
BOTH = replace(HOLDING, attachments=(PTP, BRIDGED))


def check(text: str) -> None:
    """nftables takes these commands."""
    if os.geteuid() != 0:
        pytest.fail("nft --check reads the kernel's ruleset: run as root")
    command = ["unshare", "--net", "nft", "--check", "--file", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_elements_of_a_pod() -> None:
    link = '"podw0123abcd89"'
    assert inet.elements((HOLDING,)) == {
        "links": [link],
        "from": [f"{link} : jump zone_default"],
        "of_default": [link],
        "same": [f"{link} . {link}"],
        "hidden": [link],
        "sources4": [f"{link} . 172.16.28.2"],
        "sources6": [f"{link} . fd00::2"],
        "own4": ["172.16.28.2"],
        "own6": ["fd00::2"],
        "any4": ["tcp . 8080 : 172.16.28.2 . 80"],
        "any6": ["tcp . 8080 : fd00::2 . 80", "tcp . 81 : fd00::2 . 81"],
        "ports4": ["udp . 192.0.2.1 . 53 : 172.16.28.2 . 5353"],
        "ports6": ["sctp . 2001:db8::1 . 9 : fd00::2 . 9"],
    }


def test_a_bridge_is_one_zone_and_its_ports_have_a_table() -> None:
    found = inet.elements((replace(BOTH, ports=()),))
    assert found["links"] == ['"podw0123abcd89"', '"podw0"']
    assert found["from"][1] == '"podw0" : jump zone-host-apart_.podw0'
    assert found["dhcp"] == ['"podw0"']
    assert found["sources4"] == ['"podw0123abcd89" . 172.16.28.2'], "its port is guarded"
    port = '"podw0123abcd89a"'
    assert ethernet.elements((BOTH,)) == {
        "ports": [port],
        "macs": [f"{port} . 02:03:04:05:06:07"],
        "dhcp": [port],
        "sources4": [f"{port} . 10.1.0.2"],
        "sources6": [f"{port} . fd01::2", f"{port} . fe80::3:4ff:fe05:607"],
        "neighbours": [
            f"{port} . 0xfd010000000000000000000000000002",
            f"{port} . 0xfe80000000000000000304fffe050607",
        ],
    }


def test_a_network_that_is_not_behind_the_firewall_has_no_elements() -> None:
    assert inet.elements((replace(HOLDING, attachments=(replace(PTP, zone=""),), ports=()),)) == {}


def test_a_port_on_a_bridge_of_somebody_else_is_guarded_all_the_same() -> None:
    foreign = replace(HOLDING, attachments=(replace(BRIDGED, zone=""),), ports=())
    assert inet.elements((foreign,)) == {}
    assert ethernet.elements((foreign,))["foreign"] == ['"podw0123abcd89a"']


def test_one_bridge_cannot_be_two_things() -> None:
    other = replace(BOTH, attachments=(replace(BRIDGED, net="more", reach="all"),))
    assert inet.conflict(BOTH, (other,)) == "more"
    assert inet.conflict(BOTH, (BOTH,)) == ""


def test_every_command_names_our_tables_only() -> None:
    text = firewall.whole((BOTH,), {4: ["eth0"], 6: []})
    for line in text.splitlines():
        if line.startswith(("add", "delete", "table", "flush")):
            assert line.split("{")[0].split()[1 + (line.split()[0] != "table") :][:2] in (
                ["inet", "podwright"],
                ["bridge", "podwright"],
            )


@pytest.mark.parametrize("links", [[], ["eth0", "br-lan"]])
@pytest.mark.parametrize("holdings", [(), (HOLDING,), (HOLDING, BOTH), (HOLDING, RULED)])
def test_nftables_takes_the_whole_table(links: list[str], holdings: tuple[Holding, ...]) -> None:
    check(firewall.whole(holdings, {4: links, 6: []}))


def test_nftables_takes_names_of_every_kind() -> None:
    longest = "0" + "-_." * 21
    named = tuple(
        replace(
            HOLDING,
            attachments=(replace(PTP, zone=name, net=name, host_if=f"podw{number:010}"),),
            ports=(),
        )
        for number, name in enumerate((longest, "drop", "1", "A.b_c-D"))
    )
    allow = tuple({"from": f"network {name}"} for name in (longest, "drop", "1"))
    check(firewall.whole((*named[1:], replace(named[0], allow=allow)), {}))


def test_a_rule_is_a_chain_of_what_returns() -> None:
    text = rules.chains(RULED, "inet podwright")
    chain = f"add rule inet podwright enter_{RULED.uuid}"
    lines = [line.partition(chain)[2].strip() for line in text.splitlines() if chain in line]
    assert lines == [
        "ip saddr 172.16.28.2 return",
        "ip6 saddr fd00::2 return",
        "meta protocol ip6 sctp dport { 9 } return",
        "ip saddr @network_a_B.c-d_4 return",
        "ip6 saddr @network_a_B.c-d_6 return",
        "ip saddr @pod_a-b_4 tcp dport { 80 } return",
        "ip saddr @pod_a-b_4 udp dport { 8000-8010 } return",
        "ip6 saddr @pod_a-b_6 tcp dport { 80 } return",
        "ip6 saddr @pod_a-b_6 udp dport { 8000-8010 } return",
        "drop",
    ]
    assert f"cloud_{RULED.uuid} ip daddr 169.254.169.254/32 tcp dport {{ 80 }} accept" in text


def test_only_what_is_exactly_there_opens_metadata() -> None:
    for peer, opens in (("169.254.0.0/16", True), ("169.0.0.0/8", False), ("0.0.0.0/0", False)):
        ruled = replace(HOLDING, allow=({"to": peer},))
        assert ("cloud_" in rules.chains(ruled, "inet podwright")) is opens


def test_who_is_followed() -> None:
    named = replace(HOLDING, name="a-b", ports=())
    assert rules.concerns(named, (RULED,))
    assert not rules.concerns(HOLDING, (RULED,))
    assert rules.concerns(RULED, ())
    assert rules.joining(named, (RULED,)) == (
        "add element inet podwright pod_a-b_4 { 172.16.28.2 }\n"
        "add element inet podwright pod_a-b_6 { fd00::2 }\n"
    )
