# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP without a server: what an answer means, what is asked and told, what gives a lease back."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import NetworkError, UsageError
from podwright.model.fields import Fields
from podwright.net import ipam
from podwright.net.dhcp import answer, onlink
from podwright.net.dhcp.answer import Leased
from podwright.net.ipam import Ask, dhcp
from podwright.net.plan import AddAddress, AddRoute
from podwright.net.values import Address, Dns, Route

GOOD = {"ip": "192.0.2.20", "mask": "24", "subnet": "255.255.255.0"}
NEAR = Route("192.0.2.0/24", scope=253)


def parse(**said: str) -> Leased:
    return answer.parse({**GOOD, **said})


def test_a_plain_answer() -> None:
    found = parse(
        router="192.0.2.1 192.0.2.2",
        dns="192.0.2.53 192.0.2.54 192.0.2.55 192.0.2.56",
        domain="a.example",
        search="a.example b.example.",
        serverid="192.0.2.1",
    )
    assert found == Leased(
        Address("192.0.2.20", 24, "192.0.2.1"),
        (NEAR, Route("0.0.0.0/0", "192.0.2.1")),
        Dns(
            ("192.0.2.53", "192.0.2.54", "192.0.2.55"),
            ("a.example", "b.example."),
            (),
            "a.example",
        ),
        "192.0.2.1",
    )


def test_an_address_is_enough() -> None:
    assert parse() == Leased(Address("192.0.2.20", 24), (NEAR,))
    assert answer.parse({"ip": "192.0.2.20"}) == Leased(Address("192.0.2.20", 32))


def test_classless_routes_replace_the_router() -> None:
    routes = "0.0.0.0/0 192.0.2.9 10.8.0.0/16 0.0.0.0 10.9.0.0/16 192.0.2.8 10.9.0.0/16 192.0.2.7"
    found = parse(router="192.0.2.1", staticroutes=routes)
    assert found.address.gateway == "192.0.2.9"
    assert found.routes == (
        NEAR,
        Route("0.0.0.0/0", "192.0.2.9"),
        Route("10.8.0.0/16", scope=253),
        Route("10.9.0.0/16", "192.0.2.8"),
    )
    assert parse(router="192.0.2.1", staticroutes="10.8.0.0/16 192.0.2.8").address.gateway == ""


def test_a_gateway_that_is_not_near_gets_a_route_of_its_own() -> None:
    found = answer.parse({"ip": "192.0.2.20", "mask": "32", "router": "198.51.100.1"}, priority=7)
    assert found.routes == (
        Route("198.51.100.1/32", priority=7, scope=253),
        Route("0.0.0.0/0", "198.51.100.1", priority=7),
    )
    assert onlink.steps("eth0", found) == (
        AddAddress(True, "eth0", "192.0.2.20", 32),
        AddRoute(True, "eth0", "198.51.100.1/32", priority=7, scope=253),
        AddRoute(True, "eth0", "0.0.0.0/0", "198.51.100.1", priority=7),
    )


@pytest.mark.parametrize(
    "said",
    [
        {"ip": ""},
        {"ip": "192.0.2"},
        {"ip": "192.0.2.020"},
        {"ip": "192.0.2.20 "},
        {"ip": "192.0.2.20\n"},
        {"ip": "$(id)"},
        {"ip": "::1"},
        {"ip": "fd00::1"},
        {"ip": "0.0.0.0"},
        {"ip": "127.0.0.1"},
        {"ip": "169.254.169.254", "mask": "16", "subnet": "255.255.0.0"},
        {"ip": "224.0.0.1"},
        {"ip": "255.255.255.255"},
        {"ip": "192.0.2.0"},
        {"ip": "192.0.2.255"},
        {"mask": "0", "subnet": "0.0.0.0"},
        {"mask": "33"},
        {"mask": "-1"},
        {"mask": "٢٤"},
        {"mask": "25"},
        {"subnet": "255.0.255.0"},
        {"mask": "", "subnet": "255.0.255.0"},
    ],
    ids=str,
)
def test_an_address_that_is_none_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(NetworkError) as caught:
        parse(**said)
    assert caught.value.reason == "bad-lease"
    assert "\n" not in caught.value.sentence()


@pytest.mark.parametrize(
    "said",
    [
        {"router": "x 127.0.0.1 0.0.0.0 224.0.0.1 ::1 192.0.2.20"},
        {"dns": "127.0.0.1;x 0.0.0.0 255.255.255.255 fe80::1"},
        {"domain": "a b"},
        {"domain": "a\nnameserver 6.6.6.6"},
        {"domain": "bad"},
        {"domain": "a..b"},
        {"domain": "-a.example"},
        {"domain": "x" * 64},
        {"domain": "a." * 130},
        {"domain": "$(id)"},
        {"search": "$(id) a;b -x bad"},
        {"serverid": "127.0.0.1"},
        {"staticroutes": "10.0.0.0/8"},
        {"staticroutes": "10.0.0.0/33 192.0.2.1 10.0.0.0 192.0.2.1 ::/0 192.0.2.1"},
        {"staticroutes": "127.0.0.0/8 192.0.2.1 224.0.0.0/4 192.0.2.1"},
        {"staticroutes": "10.0.0.0/8 127.0.0.1 10.0.0.0/8 x"},
        {"hostname": "$(id)", "ip6": "x"},
    ],
    ids=str,
)
def test_what_is_not_exactly_what_it_should_be_is_left_out(said: dict[str, str]) -> None:
    assert parse(**said) == Leased(Address("192.0.2.20", 24), (NEAR,))


def test_a_flood_of_routes_is_cut_off() -> None:
    routes = " ".join(f"10.{n}.0.0/16 192.0.2.1" for n in range(200))
    assert len(parse(staticroutes=routes).routes) == 1 + answer.MOST_ROUTES


def conf(**more: Any) -> dict[str, Any]:
    return {"type": "dhcp", **more}


def test_what_a_client_asks_and_tells() -> None:
    plain = ["-o", "-O", "1", "-O", "3", "-O", "6", "-O", "15", "-O", "119", "-O", "121"]
    assert list(dhcp.options(conf(), {})) == plain
    found = dhcp.options(
        conf(
            request=[{"skipDefault": True}, {"option": "routers"}, {"option": "42"}],
            provide=[
                {"option": "host-name", "value": "-x $(id)"},
                {"option": "dhcp-client-identifier", "fromArg": "ID"},
            ],
        ),
        {"ID": "a b"},
    )
    told = ("-x", f"0x0c:{b'-x $(id)'.hex()}", "-x", f"0x3d:{b'a b'.hex()}")
    assert found == ("-o", "-O", "3", "-O", "42", *told)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"daemonSocketPath": 1}, "ipam.daemonSocketPath: must be a string"),
        ({"priority": -1}, "ipam.priority: -1 is not between"),
        ({"request": [{"option": "53"}]}, "ipam.request[0].option: '53' is not an option"),
        ({"request": [{"option": "256"}]}, "ipam.request[0].option: '256' is not an option"),
        ({"request": [{"options": "1"}]}, "ipam.request[0].options: unknown field"),
        ({"provide": [{"option": "12"}]}, "ipam.provide[0]: has value or fromArg"),
        (
            {"provide": [{"option": "12", "value": "a", "fromArg": "b"}]},
            "ipam.provide[0]: has value or fromArg",
        ),
        ({"provide": [{"option": "0x0c", "value": "a"}]}, "ipam.provide[0].option: '0x0c' is"),
        (
            {"provide": [{"option": "12", "value": "a" * 256}]},
            "ipam.provide[0]: is longer than the 255 bytes",
        ),
    ],
)
def test_what_cannot_be_asked_or_told_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        ipam.check(Fields(conf(**more), "ipam"), "macvlan")
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize("kind", ["ptp", "ipvlan", "loopback"])
def test_links_without_a_wire_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=r"ipam\.type: dhcp needs a link to a wire"):
        ipam.check(Fields(conf(), "ipam"), kind)


def test_nothing_is_assigned_before_the_link_is_there() -> None:
    assert ipam.assign(Ask("lan", conf(), {}, {}, {})) == ipam.NOTHING


def test_the_message_that_gives_a_lease_back() -> None:
    data = onlink.message("192.0.2.20", "192.0.2.1", "02:00:00:00:00:01", "01020000000001")
    assert data[:4] == b"\x01\x01\x06\x00"
    assert data[12:16] == bytes((192, 0, 2, 20))
    assert data[28:34] == b"\x02\x00\x00\x00\x00\x01"
    options = data[240:]
    assert options[:3] == b"\x35\x01\x07"
    assert options[3:9] == b"\x36\x04" + bytes((192, 0, 2, 1))
    assert options[9:18] == b"\x3d\x07\x01\x02\x00\x00\x00\x00\x01"
    assert options[18] == 0xFF
    assert len(data) == 300
