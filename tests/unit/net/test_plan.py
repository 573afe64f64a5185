# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compiled plans of networks, as commands to paste."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import NetworkError, UsageError
from podwright.model.fields import Fields
from podwright.net import kinds, ledger, lookup, meta
from podwright.net.ipam import Assigned
from podwright.net.kinds import flannel
from podwright.net.plan import compile
from podwright.net.values import (
    Address,
    Attachment,
    Holding,
    NetConf,
    NetRequest,
    PortMap,
    Route,
    holding_from,
)
from podwright.values_json import to_json

UUID = "0123abcd-89ab-4def-8123-456789abcdef"
LINK = "podw0123abcd89"
MAC = "02:01:23:ab:cd:89"
BOTH = Assigned(
    (Address("10.9.0.2", 24, "10.9.0.1"), Address("fd09::2", 64, "fd09::1")),
    (Route("0.0.0.0/0"), Route("::/0")),
)
FOUR = Assigned((Address("10.9.0.2", 24, "10.9.0.1"),), (Route("0.0.0.0/0"),))


def attached(
    plugin: dict[str, Any],
    assigned: Assigned = BOTH,
    *chain: dict[str, Any],
    seen: tuple[tuple[str, Any], ...] = (),
    args: tuple[tuple[str, str], ...] = (),
) -> Attachment:
    conf = NetConf("net", "1.0.0", (plugin, *chain), "/file")
    want = kinds.Want(conf, plugin, args, UUID, "eth0", LINK, assigned, seen)
    made: Attachment = kinds.module(plugin["type"]).attach(want)
    for further in chain:
        made = meta.module(further["type"]).alter(made, further)
    return made


def holding(*attachments: Attachment, ports: tuple[PortMap, ...] = ()) -> Holding:
    return Holding(UUID, "web", "web", ("app",), "boot", "/run", attachments, ports)


def steps(one: Attachment) -> list[str]:
    described = compile(holding(one)).describe()
    assert described[0].startswith("nft"), "the firewall admits a link before it is there"
    assert described[1] == "ip -n $POD link set lo up"
    return described[2:]


def built_in(name: str, assigned: Assigned) -> Attachment:
    conf = next(one for one in lookup.BUILTIN if one.name == name)
    want = kinds.Want(conf, conf.plugins[0], (), UUID, "eth0", LINK, assigned)
    made: Attachment = kinds.module("ptp").attach(want)
    return made


def test_the_default_network() -> None:
    assert steps(built_in("default", BOTH)) == [
        f"ip link add {LINK} type veth peer name eth0 netns $POD",
        f"sysctl -w net.ipv4.conf.{LINK}.route_localnet=1",
        f"sysctl -w net.ipv6.conf.{LINK}.accept_ra=0",
        f"sysctl -w net.ipv6.conf.{LINK}.accept_dad=0",
        f"ip address add 10.9.0.1/32 dev {LINK} noprefixroute",
        f"ip address add fd09::1/128 dev {LINK} noprefixroute nodad",
        f"ip link set {LINK} up",
        f"ip route replace 10.9.0.2/32 dev {LINK} scope link",
        f"ip -6 route replace fd09::2/128 dev {LINK} scope link",
        "ip -n $POD address add 10.9.0.2/24 dev eth0 noprefixroute",
        "ip -n $POD address add fd09::2/64 dev eth0 noprefixroute nodad",
        "ip -n $POD link set eth0 up",
        "ip -n $POD route replace 10.9.0.1/32 dev eth0 scope link",
        "ip -6 -n $POD route replace fd09::1/128 dev eth0 scope link",
        "ip -n $POD route replace 0.0.0.0/0 via 10.9.0.1 dev eth0",
        "ip -6 -n $POD route replace ::/0 via fd09::1 dev eth0",
        "ip -n $POD route replace 10.9.0.0/24 via 10.9.0.1 dev eth0",
        "ip -6 -n $POD route replace fd09::/64 via fd09::1 dev eth0",
        f"until ip link show {LINK} | grep -q 'state UP'; do sleep 0.01; done",
    ]


def test_a_host_without_ipv6_gets_no_link_with_it() -> None:
    found = steps(built_in("default", FOUR))
    assert f"sysctl -w net.ipv6.conf.{LINK}.disable_ipv6=1" in found
    assert not any("fd09" in one for one in found)


def test_a_bridge() -> None:
    plugin = {"type": "bridge", "bridge": "br9", "isDefaultGateway": True, "portIsolation": True}
    found = steps(attached(plugin, FOUR))
    bridge, pair = found[0].split("; "), found[1]
    assert bridge[0].startswith("ip link add br9 address 02:")
    assert bridge[1:] == ["ip address replace 10.9.0.1/24 dev br9", "ip link set br9 up"]
    assert pair.startswith(f"ip link add {LINK} address fe:")
    assert pair.endswith(f"peer name eth0 address {MAC} netns $POD")
    assert found[2:] == [
        f"sysctl -w net.ipv6.conf.{LINK}.disable_ipv6=1",
        f"ip link set {LINK} master br9; bridge link set dev {LINK} guard on isolated on",
        f"ip link set {LINK} up",
        "nsenter --net=$POD sysctl -w net.ipv6.conf.eth0.disable_ipv6=1",
        "ip -n $POD address add 10.9.0.2/24 dev eth0 noprefixroute",
        "ip -n $POD link set eth0 up",
        "ip -n $POD route replace 10.9.0.0/24 dev eth0 scope link",
        "ip -n $POD route replace 0.0.0.0/0 via 10.9.0.1 dev eth0",
        f"until ip link show {LINK} | grep -q 'state UP'; do sleep 0.01; done",
    ]


def test_a_vlan_of_a_bridge() -> None:
    plugin = {"type": "bridge", "isGateway": True, "vlan": 7, "preserveDefaultVlan": False}
    one = attached(plugin, FOUR)
    found = steps(one)
    assert "vlan_filtering 1; bridge vlan add dev podw0 vid 7 self" in found[0]
    assert "ip link add podw0.7 link podw0 type vlan id 7" in found[0]
    assert f"bridge vlan add dev {LINK} vid 7 pvid untagged" in found[3]
    assert found[3].endswith(f"bridge vlan del dev {LINK} vid 1")
    assert dict(one.state)["via"] == "podw0.7"
    with pytest.raises(UsageError, match=r"the name long-name-of-a\.7 of the host's link"):
        attached({**plugin, "bridge": "long-name-of-a"}, FOUR)


def test_links_on_links() -> None:
    macvlan = attached({"type": "macvlan", "master": "lan0", "mtu": 1400}, FOUR)
    assert steps(macvlan)[0] == (
        f"ip link add link lan0 name eth0 mtu 1400 address {MAC} netns $POD type macvlan mode bridge"
    )
    seen = (("default", "wan0"),)
    ipvlan = attached({"type": "ipvlan", "mode": "l3"}, FOUR, seen=seen)
    assert steps(ipvlan)[0] == "ip link add link wan0 name eth0 netns $POD type ipvlan mode l3"
    assert (macvlan.zone, macvlan.host_if) == ("", "")


def test_a_mac_address_may_be_asked_for() -> None:
    asked = attached({"type": "bridge"}, FOUR, args=(("MAC", "06:00:00:00:00:0A"),))
    assert asked.mac == "06:00:00:00:00:0a"
    cni = attached({"type": "ptp", "args": {"cni": {"mac": "06:00:00:00:00:0b"}}}, FOUR)
    assert "address 06:00:00:00:00:0b netns" in steps(cni)[0]
    for bad in ("01:00:00:00:00:01", "00:00:00:00:00:00", "x", "06-00-00-00-00-0a"):
        with pytest.raises(UsageError, match="network net: MAC"):
            attached({"type": "ptp"}, FOUR, args=(("MAC", bad),))


def test_the_lower_of_two_limits_holds() -> None:
    limit = {"type": "bandwidth", "egressRate": 8_000_000, "egressBurst": 800_000}
    args = (("egressRate", "4000000"),)
    found = steps(attached({"type": "ptp"}, FOUR, limit))
    limited = "limit rate over 1000000 bytes/second burst 262144 bytes drop"
    assert limited in found[-2]
    assert (
        found[-1]
        == "tc -n $POD qdisc replace dev eth0 root tbf rate 8000000bit burst 100000 latency 25ms"
    )
    lower = attached({"type": "ptp"}, FOUR, limit, {**limit, "egressRate": 80_000_000})
    assert steps(lower)[-2:] == found[-2:]
    assert "rate 4000000bit" in steps(attached({"type": "ptp"}, FOUR, limit, args=args))[-1]
    for wrong in (
        {"egressBurst": 8},
        {"ingressRate": 8_000_000},
        {"egressRate": 80, "egressBurst": 8},
    ):
        with pytest.raises(UsageError, match="network net: bandwidth"):
            attached({"type": "ptp"}, FOUR, {"type": "bandwidth", **wrong})


def test_what_flannel_says_becomes_the_configuration_of_a_bridge() -> None:
    text = b"# by flannel\nFLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\nFLANNEL_SUBNET=10.1.2.1/24\nFLANNEL_MTU=1450\n"
    said = flannel.parse("/f", text + b"FLANNEL_IPMASQ=true\n")
    fields = Fields({"type": "flannel", "delegate": {"hairpinMode": True}}, "x")
    assert flannel.delegated("net", fields, said) == {
        "type": "bridge",
        "ipMasq": False,
        "mtu": 1450,
        "hairpinMode": True,
        "isGateway": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.1.2.0/24"}]],
            "routes": [{"dst": "10.1.0.0/16"}, {"dst": "10.2.0.0/16"}],
        },
    }
    with pytest.raises(UsageError, match="delegate has its name and addresses from flannel"):
        flannel.delegated("net", Fields({"delegate": {"ipam": {}}}, "x"), said)
    with pytest.raises(
        NetworkError, match=r"/f: is not a subnet file of flannel: .*FLANNEL_IPMASQ"
    ):
        flannel.parse("/f", text)


def test_the_names_of_links_fit_the_kernel_and_no_two_are_the_same() -> None:
    names = [ledger.host_link(UUID, index) for index in range(16)]
    assert max(map(len, names)) <= 15
    assert len(set(names)) == 16
    assert all(map(ledger.is_host_link, names))


def test_values_survive_the_pipe_and_the_ledger() -> None:
    ports = (PortMap("tcp", "", 8080, 80), PortMap("udp", "192.0.2.1", 53, 5353))
    request = NetRequest(UUID, "web", "default", ports, "/net", "/run", bandwidth=7)
    assert NetRequest.from_json(to_json(request)) == request
    limit = {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000}
    held = holding(attached({"type": "bridge"}, BOTH, limit), ports=ports)
    assert compile(holding_from(to_json(held))).describe() == compile(held).describe()
