# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses by configuration: host-local and static, what is handed out and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError, UsageError
from podwright.model.fields import Fields
from podwright.net import ipam
from podwright.net.ipam import Ask, Assigned, resolvconf
from podwright.net.values import Address, Dns, Route


def local(**conf: Any) -> dict[str, Any]:
    return {"type": "host-local", **conf}


def give(
    conf: dict[str, Any],
    used: dict[str, str] | None = None,
    last: dict[str, str] | None = None,
    **more: Any,
) -> Assigned:
    return ipam.assign(Ask("back", conf, more.pop("args", {}), used or {}, last or {}, **more))


def ips(found: Assigned) -> list[str]:
    return [one.ip for one in found.addresses]


def in_turn(conf: dict[str, Any], number: int, used: dict[str, str] | None = None) -> list[str]:
    """So many pods one after the other, each of which keeps its addresses."""
    used, out = dict(used or {}), []
    last: dict[str, str] = {}
    for index in range(number):
        found = give(conf, used, last)
        last.update(found.last)
        used.update((ip, f"pod {index}") for ip in ips(found))
        out += ips(found)
    return out


def test_the_old_form_and_the_new_one_say_the_same() -> None:
    old = local(subnet="10.1.0.0/24", rangeStart="10.1.0.5", gateway="10.1.0.9")
    new = local(
        ranges=[[{"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.5", "gateway": "10.1.0.9"}]]
    )
    assert give(old) == give(new)
    assert give(old).addresses == (Address("10.1.0.5", 24, "10.1.0.9"),)


def test_one_address_of_each_set_and_the_old_form_stands_first() -> None:
    conf = local(
        subnet="10.1.0.0/24", ranges=[[{"subnet": "fd00:1::/64"}], [{"subnet": "10.2.0.0/16"}]]
    )
    assert give(conf).addresses == (
        Address("10.1.0.2", 24, "10.1.0.1"),
        Address("fd00:1::2", 64, "fd00:1::1"),
        Address("10.2.0.2", 16, "10.2.0.1"),
    )


def _all(count: int) -> str:
    return f"all {count} addresses" if count > 1 else "the only address"


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({"subnet": "10.0.0.0/30"}, ["10.0.0.2"]),
        ({"subnet": "10.0.0.0/30", "gateway": "10.0.0.2"}, ["10.0.0.1"]),
        ({"subnet": "10.0.0.0/29"}, [f"10.0.0.{n}" for n in range(2, 7)]),
        ({"subnet": "10.0.0.0/29", "gateway": "192.0.2.1"}, [f"10.0.0.{n}" for n in range(1, 7)]),
        ({"subnet": "10.0.0.0/31"}, ["10.0.0.1"]),
        ({"subnet": "10.0.0.0/31", "gateway": "10.0.0.1"}, ["10.0.0.0"]),
        ({"subnet": "10.0.0.7/32"}, ["10.0.0.7"]),
        ({"subnet": "fd00::/126"}, ["fd00::2", "fd00::3"]),
        ({"subnet": "fd00::/127"}, ["fd00::1"]),
        ({"subnet": "fd00::7/128"}, ["fd00::7"]),
        (
            {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.0", "rangeEnd": "10.0.0.3"},
            ["10.0.0.2", "10.0.0.3"],
        ),
        (
            {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.253", "rangeEnd": "10.0.0.255"},
            ["10.0.0.253", "10.0.0.254"],
        ),
    ],
)
def test_every_address_but_the_reserved_ones_is_given_once(
    conf: dict[str, str], expected: list[str]
) -> None:
    assert in_turn(local(**conf), len(expected)) == expected
    used = {ip: f"pod {ip}" for ip in expected}
    with pytest.raises(NetworkError) as caught:
        give(local(**conf), used)
    verb = "are" if len(expected) > 1 else "is"
    assert caught.value.sentence() == (
        f"network back: {_all(len(expected))} of {conf['subnet']} {verb} in use by"
        f" {len(expected)} pod{'s' * (len(expected) > 1)}; stop a pod first, or make the range larger"
    )
    assert caught.value.reason == "no-address"


def test_a_single_address_has_no_gateway_unless_one_is_said() -> None:
    assert give(local(subnet="10.0.0.7/32")).addresses == (Address("10.0.0.7", 32, ""),)
    said = give(local(subnet="10.0.0.7/32", gateway="169.254.1.1"))
    assert said.addresses == (Address("10.0.0.7", 32, "169.254.1.1"),)


def test_addresses_go_round_all_ranges_of_a_set() -> None:
    conf = local(
        ranges=[
            [
                {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.10", "rangeEnd": "10.0.0.11"},
                {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.20", "rangeEnd": "10.0.0.20"},
                {"subnet": "10.9.0.0/30"},
            ]
        ]
    )
    order = ["10.0.0.10", "10.0.0.11", "10.0.0.20", "10.9.0.2"]
    assert in_turn(conf, 4) == order
    for index, last in enumerate(order):
        assert ips(give(conf, {}, {"0": last})) == [order[(index + 1) % 4]]
        others = {ip: "a pod" for ip in order if ip != last}
        assert ips(give(conf, others, {"0": last})) == [last]


def test_a_freed_address_is_not_given_at_once() -> None:
    assert ips(give(local(subnet="10.0.0.0/24"), {}, {"0": "10.0.0.2"})) == ["10.0.0.3"]


def test_what_was_given_last_of_another_configuration_means_nothing() -> None:
    for last in ("10.99.0.1", "fd00::1", "10.0.0.255"):
        assert ips(give(local(subnet="10.0.0.0/24"), {}, {"0": last})) == ["10.0.0.2"]


def test_a_range_of_sixty_four_bits_costs_nothing() -> None:
    conf = local(subnet="fd00::/64", rangeEnd="fd00::ffff:ffff:ffff:fffe")
    used = {f"fd00::{n:x}": f"pod {n}" for n in range(2, 2002)}
    assert ips(give(conf, used)) == ["fd00::7d2"]
    assert ips(give(conf, used, {"0": "fd00::ffff:ffff:ffff:fffe"})) == ["fd00::7d2"]


def test_the_gateway_of_one_range_is_not_given_out_of_another() -> None:
    one = {"subnet": "10.0.0.0/25", "gateway": "10.0.0.130"}
    two = {"subnet": "10.0.0.128/25", "rangeStart": "10.0.0.130"}
    assert ips(give(local(ranges=[[one], [two]]))) == ["10.0.0.1", "10.0.0.131"]


def test_without_ipv6_what_is_built_in_goes_without() -> None:
    conf = local(
        ranges=[[{"subnet": "10.0.0.0/24"}], [{"subnet": "fd00::/64"}]],
        routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    )
    found = give(conf, optional6=True)
    assert (ips(found), found.routes) == (["10.0.0.2"], (Route("0.0.0.0/0"),))


def test_routes_say_all_that_the_newest_version_has() -> None:
    full = {
        "dst": "10.8.0.0/16",
        "gw": "10.0.0.9",
        "mtu": 1400,
        "advmss": 1300,
        "priority": 50,
        "table": 100,
        "scope": 0,
    }
    found = give(local(subnet="10.0.0.0/24", routes=[full, {"dst": "0.0.0.0/0"}]))
    assert found.routes == (
        Route("10.8.0.0/16", "10.0.0.9", 1400, 1300, 50, 100, 0),
        Route("0.0.0.0/0"),
    )


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, "ipam.ranges: is empty"),
        ({"ranges": []}, "ipam.ranges: is empty"),
        ({"ranges": [[]]}, "ipam.ranges[0]: must be a list of ranges"),
        ({"ranges": [{"subnet": "10.0.0.0/24"}]}, "ipam.ranges[0]: must be a list of ranges"),
        ({"ranges": [[{}]]}, "ipam.ranges[0][0].subnet: is missing"),
        (
            {"ranges": [[{"subnet": "10.0.0.0/24", "gw": "x"}]]},
            "ipam.ranges[0][0].gw: unknown field",
        ),
        (
            {"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}]]},
            "ipam.ranges[0]: has ranges of both families",
        ),
        (
            {"ranges": [[{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.0.128/25"}]]},
            "ipam.ranges: ranges of 10.0.0.0/24 and 10.0.0.128/25 have addresses in common",
        ),
        (
            {"subnet": "fd00::/64", "ranges": [[{"subnet": "fd00::/96"}]]},
            "ipam.ranges: ranges of fd00::/64 and fd00::/96 have addresses in common",
        ),
        ({"subnet": 1}, "ipam.subnet: must be a string"),
        ({"subnet": "10.0.0.0"}, "ipam.subnet: '10.0.0.0' is not a subnet"),
        ({"subnet": "10.0.0.0/33"}, "ipam.subnet: '10.0.0.0/33' is not a subnet"),
        ({"subnet": "10.0.0.0/024"}, "ipam.subnet: '10.0.0.0/024' is not a subnet"),
        ({"subnet": "10.0.0.7/24"}, "ipam.subnet: 10.0.0.7/24 has bits beyond its prefix"),
        ({"subnet": "fd00::g/64"}, "ipam.subnet: 'fd00::g' is not an IP address"),
        (
            {"subnet": "10.0.0.0/24", "rangeStart": "10.0.1.1"},
            "ipam.rangeStart: 10.0.1.1 is not in 10.0.0.0/24",
        ),
        (
            {"subnet": "10.0.0.0/24", "rangeEnd": "fd00::1"},
            "ipam.rangeEnd: fd00::1 is not in 10.0.0.0/24",
        ),
        (
            {"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.8"},
            "ipam.subnet: no address is left for pods in 10.0.0.0/24",
        ),
        (
            {"subnet": "10.0.0.7/32", "gateway": "10.0.0.7"},
            "ipam.subnet: no address is left for pods in 10.0.0.7/32",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "fd00::1"},
            "ipam.gateway: fd00::1 cannot be a gateway of 10.0.0.0/24",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "10.0.0.255"},
            "ipam.gateway: 10.0.0.255 cannot be a gateway of 10.0.0.0/24",
        ),
        (
            {"subnet": "10.0.0.0/24", "gateway": "224.0.0.1"},
            "ipam.gateway: 224.0.0.1 is no address that a host can have",
        ),
        ({"subnet": "10.0.0.0/24", "routes": [{}]}, "ipam.routes[0].dst: is missing"),
        (
            {"subnet": "10.0.0.0/24", "routes": [{"dst": "::/0"}]},
            "ipam.routes[0].dst: ::/0 needs an IPv6 address, and no range has one",
        ),
        (
            {"subnet": "10.0.0.0/24", "routes": [{"dst": "10.1.0.0/16", "gw": "fd00::1"}]},
            "ipam.routes[0].gw: fd00::1 is not of the family of 10.1.0.0/16",
        ),
        (
            {"subnet": "10.0.0.0/24", "routes": [{"dst": "10.1.0.0/16", "via": "10.0.0.1"}]},
            "ipam.routes[0].via: unknown field",
        ),
        (
            {"subnet": "10.0.0.0/24", "routes": [{"dst": "10.1.0.0/16", "scope": 7}]},
            "ipam.routes[0].scope: 7 is not one of",
        ),
        (
            {"subnet": "10.0.0.0/24", "routes": [{"dst": "10.1.0.0/16", "mtu": 70000}]},
            "ipam.routes[0].mtu: 70000 is not between 0 and 65535",
        ),
        ({"subnet": "10.0.0.0/24", "resolvConf": "x"}, "ipam.resolvConf: must be an absolute path"),
        (
            {"ranges": [[{"subnet": f"10.{n}.0.0/24"}] for n in range(65)]},
            "ipam.ranges: has more than 64 ranges",
        ),
    ],
)
def test_a_configuration_that_cannot_be_done_is_refused_with_its_key(
    conf: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UsageError) as checked:
        ipam.check(Fields(local(**conf), "ipam"), "bridge")
    assert checked.value.message.startswith(expected)
    with pytest.raises(UsageError) as assigned:
        give(local(**conf))
    assert assigned.value.message == f"network back: {checked.value.message}"


BOTH = local(ranges=[[{"subnet": "10.0.0.0/24"}], [{"subnet": "fd00::/64"}]])


@pytest.mark.parametrize(
    "more",
    [
        {"args": {"IP": "10.0.0.5+fd00::5"}},
        {"args": {"IP": "fd00:0::5/64+10.0.0.5/24"}},
        {"plugin": {"args": {"cni": {"ips": ["10.0.0.5", "fd00::5"]}}}},
        {"plugin": {"runtimeConfig": {"ips": ["fd00::5", "10.0.0.5/24"]}}},
        {
            "args": {"IP": "10.0.0.5+fd00::5"},
            "plugin": {"args": {"cni": {"ips": ["10.0.0.8"]}}},
        },
    ],
)
def test_addresses_asked_for_are_given(more: dict[str, Any]) -> None:
    assert ips(give(BOTH, **more)) == ["10.0.0.5", "fd00::5"]


def test_one_family_can_be_asked_for_alone() -> None:
    assert ips(give(BOTH, args={"IP": "fd00::5"})) == ["10.0.0.2", "fd00::5"]


def test_an_address_asked_for_that_another_has_names_who() -> None:
    with pytest.raises(NetworkError) as caught:
        give(BOTH, {"10.0.0.5": "pod web"}, args={"IP": "10.0.0.5"})
    assert caught.value.sentence() == (
        "network back: address 10.0.0.5 is already in use by pod web;"
        " ask for another address, or stop what uses it"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", "argument IP: 10.0.0.1 is not an address for pods of 10.0.0.0/24"),
        ("10.0.0.5/25", "argument IP: 10.0.0.5/25 is not an address for pods of 10.0.0.0/24"),
        ("10.0.0.255", "argument IP: 10.0.0.255 is in no range that still gives an address"),
        ("10.0.1.5", "argument IP: 10.0.1.5 is in no range that still gives an address"),
        ("10.0.0.5+10.0.0.6", "argument IP: 10.0.0.6 is in no range that still gives an address"),
        ("10.0.0.5+10.0.0.5", "argument IP: 10.0.0.5 is asked for twice"),
        ("10.0.0.5/x", "argument IP: '10.0.0.5/x' is not a subnet"),
        ("127.0.0.1", "argument IP: 127.0.0.1 is no address that a host can have"),
        ("web", "argument IP: 'web' is not an IP address"),
        ("", "argument IP: '' is not an IP address"),
        ("+".join(f"10.0.0.{n}" for n in range(2, 99)), "argument IP: has more than 64 addresses"),
    ],
)
def test_an_address_that_cannot_be_given_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        give(BOTH, args={"IP": text})
    assert caught.value.message.startswith(f"network back: {expected}")


def test_a_resolv_conf_that_is_named_is_what_the_network_says(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "# me\nnameserver 10.0.0.53\nnameserver FD00::53\nnameserver x\nsearch a.example b.example\n"
        "options ndots:2\noptions rotate\ndomain example.com\nnonsense\n\n"
    )
    found = give(local(subnet="10.0.0.0/24", resolvConf=str(file)))
    assert found.dns == Dns(
        ("10.0.0.53", "fd00::53"),
        ("a.example", "b.example"),
        ("ndots:2", "rotate"),
        "example.com",
    )
    assert resolvconf.parse("") == Dns()
    for bad in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        with pytest.raises(UsageError, match=r"resolvConf: .* cannot be read"):
            give(local(subnet="10.0.0.0/24", resolvConf=str(bad)))


def fixed(*addresses: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"type": "static", "addresses": list(addresses), **more}


def test_static_addresses_are_those_of_the_configuration() -> None:
    conf = fixed(
        {"address": "10.0.0.5/24", "gateway": "10.0.0.1"},
        {"address": "FD00::5/64"},
        routes=[{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.0.0.9"}],
        dns={
            "nameservers": ["127.0.0.1"],
            "domain": "a.example",
            "search": ["b"],
            "options": ["c"],
        },
    )
    assert give(conf) == Assigned(
        (Address("10.0.0.5", 24, "10.0.0.1"), Address("fd00::5", 64)),
        (Route("0.0.0.0/0"), Route("10.9.0.0/16", "10.0.0.9")),
        Dns(("127.0.0.1",), ("b",), ("c",), "a.example"),
    )


def test_static_addresses_asked_for_replace_them() -> None:
    conf = fixed({"address": "10.0.0.5/24", "gateway": "10.0.0.1"})
    found = give(conf, args={"IP": "10.0.0.6/24+fd00::6/64", "GATEWAY": "10.0.0.2+fd00::1"})
    assert found.addresses == (
        Address("10.0.0.6", 24, "10.0.0.2"),
        Address("fd00::6", 64, "fd00::1"),
    )
    found = give(conf, args={"GATEWAY": "10.0.0.2"})
    assert found.addresses == (Address("10.0.0.5", 24, "10.0.0.2"),)
    found = give(fixed(), plugin={"runtimeConfig": {"ips": ["10.0.0.7/24"]}})
    assert found.addresses == (Address("10.0.0.7", 24),)


def test_a_static_address_of_a_living_pod_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"10\.0\.0\.5 is already in use by pod web"):
        give(fixed({"address": "10.0.0.5/24"}), {"10.0.0.5": "pod web"})


@pytest.mark.parametrize(
    ("conf", "args", "expected"),
    [
        (fixed(), {}, "ipam.addresses: is empty, and no address was asked for"),
        (fixed({}), {}, "ipam.addresses[0].address: is missing"),
        (fixed({"address": "10.0.0.5"}), {}, "ipam.addresses[0].address: 10.0.0.5 has no prefix"),
        (
            fixed({"address": "10.0.0.0/24"}),
            {},
            "ipam.addresses[0].address: 10.0.0.0 is 10.0.0.0/24",
        ),
        (fixed({"address": "10.0.0.255/24"}), {}, "ipam.addresses[0].address: 10.0.0.255 is"),
        (fixed({"address": "10.0.0.5/24", "mask": "x"}), {}, "ipam.addresses[0].mask: unknown"),
        (
            fixed({"address": "10.0.0.5/24"}, {"address": "10.0.0.5/16"}),
            {},
            "ipam.addresses: 10.0.0.5 is said twice",
        ),
        (
            fixed({"address": "10.0.0.5/24", "gateway": "fd00::1"}),
            {},
            "ipam.addresses[0].gateway: fd00::1 cannot be a gateway for 10.0.0.5/24",
        ),
        (
            fixed({"address": "10.0.0.5/24"}),
            {"IP": "10.0.0.6"},
            "argument IP: 10.0.0.6 has no prefix",
        ),
        (
            fixed({"address": "10.0.0.5/24"}),
            {"GATEWAY": "10.0.1.1"},
            "argument GATEWAY: 10.0.1.1 is in no subnet of the pod's addresses",
        ),
        (
            fixed({"address": "10.0.0.5/24"}, routes=[{"dst": "::/0"}]),
            {},
            "ipam.routes[0].dst: ::/0 needs an IPv6 address, and the pod has none",
        ),
        (
            fixed({"address": "10.0.0.5/24"}, dns={"search": ["a b"]}),
            {},
            "ipam.dns: 'a b' is not one word",
        ),
        (
            fixed({"address": "10.0.0.5/24"}, dns={"domain": "a\nnameserver 1.2.3.4"}),
            {},
            "ipam.dns: 'a\\x0anameserver 1.2.3.4' is not one word",
        ),
        (
            fixed({"address": "10.0.0.5/24"}, dns={"nameservers": ["x"]}),
            {},
            "ipam.dns.nameservers[0]: 'x' is not an IP address",
        ),
    ],
)
def test_static_refuses_what_cannot_be_done(
    conf: dict[str, Any], args: dict[str, str], expected: str
) -> None:
    with pytest.raises(UsageError) as caught:
        give(conf, args=args)
    assert caught.value.message.startswith(f"network back: {expected}")
