# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no pod could ever start on is refused when the configuration is read, not at a pod's start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError, UsageError
from podwright.net import conf, lookup, trial
from podwright.net.cni import find
from podwright.net.values import NetConf

LOCAL = {"type": "host-local", "subnet": "10.0.0.0/24"}
BRIDGE = {"type": "bridge", "ipam": LOCAL}
PTP = {"type": "ptp", "ipam": LOCAL}
Args = tuple[tuple[str, str], ...]


def chain(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "web", "plugins": list(plugins)}


def parsed(*plugins: dict[str, Any]) -> NetConf:
    return conf.parse(chain(*plugins), "/etc/podwright/net.d/web.conflist")


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([{**BRIDGE, "mtu": "1400"}], "bridge.mtu: must be a whole number"),
        ([{**PTP, "mtu": 67}], "ptp.mtu: 67 is below 68"),
        ([{**PTP, "ipMasq": "yes"}], "ptp.ipMasq: must be true or false"),
        ([{**PTP, "podwright.io/reach": "world"}], "ptp.podwright.io/reach: "),
        ([{**PTP, "args": {"cni": {"mac": "zz"}}}], "MAC: 'zz' is not a MAC address"),
        ([{**BRIDGE, "bridge": "b" * 20}], "cannot be the name of a link"),
        ([{**BRIDGE, "bridge": "podw0123456789"}], "is a name for links of pods"),
        ([{**BRIDGE, "hairpinMode": True, "promiscMode": True}], "contradict each other"),
        ([{**BRIDGE, "vlan": 4095}], "bridge.vlan: "),
        (
            [{**BRIDGE, "bridge": "b" * 15, "vlan": 7, "isGateway": True}],
            "of the host's link in it would be too long",
        ),
        ([{"type": "macvlan", "mode": "brige"}], "macvlan.mode: "),
        ([{"type": "macvlan", "ipMasq": True}], "macvlan.ipMasq: cannot be done"),
        ([{"type": "ipvlan", "mode": "bridge"}], "ipvlan.mode: "),
        ([{"type": "host-device"}], "host-device: no device is named"),
        ([{"type": "host-device", "device": "lo", "hwaddr": "zz"}], "'zz' is not a MAC address"),
        ([{"type": "loopback", "ipam": LOCAL}], "loopback has the addresses of lo"),
        ([{"type": "flannel", "delegate": {"type": "vlan"}}], "delegate.type: "),
        ([{"type": "flannel", "delegate": {"mtu": "x"}}], "bridge.mtu: must be a whole number"),
        ([PTP, {"type": "bandwidth", "ingressRate": 8000}], "bandwidth.ingressBurst: is missing"),
        (
            [{"type": "macvlan"}, {"type": "bandwidth", "egressRate": 8000, "egressBurst": 8000}],
            "has no end on the host",
        ),
        ([PTP, {"type": "tuning", "sysctl": {"kernel.x": "1"}}], "is not a setting of a network"),
        ([PTP, {"type": "portmap", "snat": False}], "portmap.snat: cannot be had"),
        ([{"type": "ipvlan"}, {"type": "tuning", "mac": "02:00:00:00:00:01"}], "no MAC address"),
        (
            [{"type": "own", "args": {"podwright": {"timeout": 601}}}],
            "args.podwright.timeout must be 1 to 600",
        ),
        ([PTP, {"type": "tuning", "mtu": "x"}], "tuning.mtu: must be a whole number"),
        (
            [{**PTP, "ipam": {**LOCAL, "rangeStart": "10.0.0.1", "rangeEnd": "10.0.0.1"}}],
            "no address is left for pods in 10.0.0.0/24",
        ),
        (
            [{**PTP, "args": {"cni": {"ips": ["10.9.0.9"]}}}],
            "10.9.0.9 is in no range",
        ),
    ],
)
def test_a_network_on_which_no_pod_could_start_is_refused_when_it_is_read(
    plugins: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(*plugins)
    assert caught.value.message.startswith("/etc/podwright/net.d/web.conflist: ")
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "plugins",
    [
        [{**BRIDGE, "isDefaultGateway": True, "mtu": 1400, "vlan": 7}],
        [{"type": "bridge", "ipam": {"type": "dhcp"}}],
        [{"type": "bridge", "isGateway": True, "ipam": {"type": "static"}}],
        [{"type": "ptp", "ipam": {"type": "own", "anything": [1]}}, {"type": "sbr"}],
        [{**PTP, "ipam": {**LOCAL, "resolvConf": "/nowhere/resolv.conf"}}],
        [{"type": "macvlan"}, {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.x": "1"}}],
        [{"type": "host-device", "device": "nowhere0"}],
        [{"type": "flannel", "subnetFile": "/nowhere/subnet.env"}, {"type": "portmap"}],
        [{"type": "own", "bridge": 7}, {"type": "tuning", "mac": "02:00:00:00:00:01"}],
        [PTP, {"type": "bandwidth", "ingressRate": 80000, "ingressBurst": 80000}],
    ],
)
def test_what_only_a_host_could_refuse_is_not_asked_of_it(plugins: list[dict[str, Any]]) -> None:
    assert parsed(*plugins).plugins[0] == plugins[0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((("MAC", "zz"),), "network default: MAC: 'zz' is not a MAC address"),
        ((("MAC", "01:00:00:00:00:01"),), "is not the address of one station"),
        ((("IP", "10.9.0.9"),), "10.9.0.9 is in no range"),
        ((("IP", "172.16.28.1"),), "172.16.28.1 is not an address for pods"),
    ],
)
def test_what_is_asked_of_the_built_in_network_is_looked_at(args: Args, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        trial.check(lookup.BUILTIN[0], args)
    assert message in caught.value.message


def test_a_static_network_without_addresses_wants_one_from_the_pod() -> None:
    network = parsed({"type": "ptp", "ipam": {"type": "static"}})
    trial.check(network, (("IP", "10.0.0.5/24"),))
    with pytest.raises(UsageError, match="no address was asked for"):
        trial.check(network, ())


@pytest.mark.parametrize(
    ("plugins", "missing", "hint"),
    [
        ([{**PTP, "type": "ptpp"}], "ptpp", "did you mean ptp, which is built in?"),
        (
            [{"type": "ptp", "ipam": {"type": "host-lokal"}}],
            "host-lokal",
            "did you mean host-local, which is built in?",
        ),
        ([PTP, {"type": "sbr"}], "sbr", "install it into one of "),
        ([{"type": "vendor", "ipam": {"type": "host-local"}}], "vendor", "install it into one of "),
    ],
)
def test_an_executable_that_is_not_there_is_missed_before_a_pod_starts(
    tmp_path: Path, plugins: list[dict[str, Any]], missing: str, hint: str
) -> None:
    network = parsed(*plugins)
    with pytest.raises(NetworkError) as caught:
        lookup.check("web", (), (network,), (str(tmp_path),))
    assert caught.value.message == f"network web: there is no plugin {missing}"
    assert caught.value.hint.startswith(hint)
    for kind in find.executables(network):
        (tmp_path / kind).write_text("#!/bin/sh\n")
        (tmp_path / kind).chmod(0o755)
    assert lookup.check("web", (), (network,), (str(tmp_path),)) == ()


def test_the_ranges_that_are_named_have_no_gateways_at_their_ends() -> None:
    with pytest.raises(UsageError) as caught:
        trial.check(lookup.BUILTIN[0], (("IP", "10.9.0.9"),))
    assert caught.value.hint.startswith("ranges are 172.16.28.2 to 172.16.28.254, ")
