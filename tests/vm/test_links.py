# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs of a bridge and ipvlan, which the test machine's kernel does not have (behaviour.md D4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full


@pytest.fixture(scope="module")
def links(plain: Machine) -> dict[str, Any]:
    return bed.told(plain, "scenario_links.py", files={"tiny.aci": tiny_image.build()})


@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_ipvlan_pods_are_on_the_hosts_wire(links: dict[str, Any], mode: str) -> None:
    assert links[f"ipvlan_{mode}"] == {
        "mode": mode,
        "neighbour to pod": "192.0.2.2",
        "pod to neighbour": True,
        "pod to pod": True,
    }


def test_pods_in_one_vlan_reach_each_other_and_the_host(links: dict[str, Any]) -> None:
    ports = {name: links["vlan_ports"][name] for name in links["vlan_expected"]}
    assert ports == links["vlan_expected"]
    assert links["vlan_host"] == "10.1.0.1"
    assert links["vlan_same"]


def test_pods_in_different_vlans_do_not_reach_each_other(links: dict[str, Any]) -> None:
    assert links["vlan_other"] == "nothing", "through the host"
    assert links["vlan_wire"] == "nothing", "through the bridge"
    assert links["vlan_wire_control"] == "10.4.0.1", "the control: in the same VLAN they do"


def test_nothing_is_left_of_either(links: dict[str, Any]) -> None:
    assert links["ipvlan_left"]
    assert links["vlan_left"], links["vlan_links"]
