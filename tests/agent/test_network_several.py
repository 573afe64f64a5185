# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbours on `ptp` networks, and pods on several networks: the way there and back (behaviour.md D2, D4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.network_bed import HOST, Bed, Pod, ask, refused, serving
from tests.agent.test_network_kinds import BRIDGE, in_pod, start

LONELY = {
    "type": "ptp",
    "ipam": {
        "type": "host-local",
        "ranges": [
            [{"subnet": "10.21.0.0/30"}, {"subnet": "10.22.0.0/24"}],
            [{"subnet": "fd21::/64"}],
        ],
    },
}


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """A fresh host, an outside and an other neighbour."""
    with Bed(tmp_path) as made:
        yield made


def on(pod: Pod, net: str) -> dict[int, str]:
    """The pod's addresses on a network, by family."""
    (found,) = [one for one in pod.answer["result"]["networks"] if one["netName"] == net]
    plain = [str(text).partition("/")[0] for text in found["addresses"]]
    return {6 if ":" in one else 4: one for one in plain}


@pytest.mark.parametrize("net", ["default-restricted", "lonely"])
def test_pods_of_a_ptp_network_without_default_routes_reach_each_other(bed: Bed, net: str) -> None:
    bed.network("lonely", LONELY)
    one, two = on(start(bed, net), net), start(bed, net, name="two")
    for family, address in one.items():
        with serving(bed.pods[0].pid, address, 80):
            assert ask(two.pid, address, 80) == on(two, net)[family]


def test_a_pod_on_two_networks_is_reached_on_each_by_those_who_are_on_one(bed: Bed) -> None:
    bed.network("back", BRIDGE)
    bed.network("lonely", LONELY)
    both = start(bed, "back,lonely,default", "8080:80", name="both")
    for net in ("back", "lonely", "default"):
        neighbour = start(bed, net, name=net)
        for family, address in on(both, net).items():
            mine = on(neighbour, net)[family]
            with serving(both.pid, address, 80):
                assert ask(neighbour.pid, address, 80) == mine
            with serving(neighbour.pid, mine, 81):
                assert ask(both.pid, mine, 81) == address


def test_a_published_port_of_a_pod_on_two_networks_answers_neighbours_on_the_other(
    bed: Bed,
) -> None:
    bed.network("back", BRIDGE)
    both = start(bed, "back,default", "8080:80", name="both")
    neighbour = start(bed, "default", name="web")
    with serving(both.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == "192.0.2.2"
        assert ask(neighbour.pid, HOST, 8080) == on(neighbour, "default")[4]
        rules = in_pod(bed, both, "ip", "rule").splitlines()
        for rule in [one.split(":")[1].split() for one in rules if "from 10." in one]:
            in_pod(bed, both, "ip", "rule", "del", *rule)
        assert refused(neighbour.pid, HOST, 8080), "the control: without the rules"
