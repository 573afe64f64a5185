# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules between pods of one bridge, and ports of SCTP, which the test machine's kernel does not have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import aci, tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full

PORT = {"name": "diameter", "protocol": "sctp", "port": 3868}


@pytest.fixture(scope="module")
def seen(plain: Machine) -> dict[str, Any]:
    files = {"tiny.aci": tiny_image.build(app=aci.app(["/bin/sh"], ports=[PORT]))}
    return bed.told(plain, "scenario_rules.py", files=files)


def test_rules_hold_between_pods_of_one_bridge(seen: dict[str, Any]) -> None:
    assert seen["friend"] == ["10.7.0.3", "fd07::3"]
    assert seen["out"] == "10.7.0.2", "and answers come back"
    assert set(seen["denied"].values()) == {"nothing"}
    assert seen["control"] == {
        "in, v4": "10.7.0.4",
        "in, v6": "fd07::4",
        "in, other port": "10.7.0.3",
        "out, v4": "10.7.0.2",
        "out, v6": "fd07::2",
    }
    assert seen["check"] == 0


def test_nothing_is_left_of_them(seen: dict[str, Any]) -> None:
    assert "podwright" not in seen["left"]


def test_a_port_of_sctp_leads_to_the_pod(seen: dict[str, Any]) -> None:
    assert seen["sctp_neighbour"] == "192.0.2.2"
    assert seen["sctp_host"] == "172.16.28.1"
    assert seen["sctp_gateway"] == "192.0.2.1"
    assert (seen["sctp_denied"], seen["sctp_control"]) == ("nothing", "2001:db8::2")
