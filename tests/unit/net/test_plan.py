# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The compiled plan of the default network, as commands to paste."""

from __future__ import annotations

from podwright.net.plan import Lease, NetRequest, NetResult, PortMap, compile, host_link

UUID = "0123abcd-89ab-4def-8123-456789abcdef"
PORTS = (PortMap("tcp", "", 8080, 80), PortMap("udp", "192.0.2.1", 53, 5353))


def plan_of(*ports: PortMap) -> list[str]:
    request = NetRequest(UUID, "web", "default", ports, "/net", "/run")
    lease = Lease("172.16.28.7", UUID, "web", "boot", host_link(UUID), "/run", ports)
    return compile(request, lease).describe()


def test_a_pod_without_ports() -> None:
    admitted = [
        'add element inet podwright sources { "podw0123abcd89" . 172.16.28.7 }',
        "add element inet podwright pods { 172.16.28.7 }",
        "add element inet podwright selves { 172.16.28.7 . 172.16.28.7 }",
    ]
    assert plan_of() == [
        "ip link add podw0123abcd89 type veth peer name eth0 netns $POD",
        "sysctl -w net.ipv6.conf.podw0123abcd89.disable_ipv6=1",
        "sysctl -w net.ipv6.conf.podw0123abcd89.accept_ra=0",
        f"nft '{'; '.join(admitted)}'",
        "ip address add 172.16.28.1/32 dev podw0123abcd89 noprefixroute",
        "ip link set podw0123abcd89 up",
        "ip route replace 172.16.28.7 dev podw0123abcd89 scope link",
        "ip -n $POD link set lo up",
        "ip -n $POD address add 172.16.28.7/24 dev eth0 noprefixroute",
        "ip -n $POD link set eth0 up",
        "ip -n $POD route replace 172.16.28.1 dev eth0 scope link",
        "ip -n $POD route replace default via 172.16.28.1 dev eth0",
        "until ip link show podw0123abcd89 | grep -q 'state UP'; do sleep 0.01; done",
    ]


def test_only_published_ports_let_loopback_packets_out() -> None:
    setting = "sysctl -w net.ipv4.conf.podw0123abcd89.route_localnet=1"
    assert setting in plan_of(*PORTS)
    assert setting not in plan_of()


def test_the_firewall_admits_a_link_before_it_is_up() -> None:
    steps = plan_of(*PORTS)
    admit = next(index for index, step in enumerate(steps) if step.startswith("nft"))
    assert admit < min(index for index, step in enumerate(steps) if step.endswith(" up"))


def test_the_names_of_links_fit_the_kernel() -> None:
    assert len(host_link(UUID)) <= 15


def test_values_survive_the_pipe() -> None:
    request = NetRequest(UUID, "web", "default", PORTS, "/net", "/run")
    assert NetRequest.from_json(request.as_json()) == request
    result = NetResult(
        "default", "eth0", "172.16.28.7", "172.16.28.1", "podwx", "255.255.255.0", PORTS
    )
    assert NetResult.from_json(result.as_json()) == result
