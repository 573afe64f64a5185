# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network's configuration is changed while a pod is on it, and then comes the next pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import HOST, OUTSIDE, Bed, ask, serving

PTP: dict[str, Any] = {"type": "ptp", "ipMasq": True}
SUBNET = "10.20.0.0/24"


class Changing(Bed):
    """A bed with one network, `shop`."""

    def shop(self, subnet: str, **conf: Any) -> None:
        """Write its configuration."""
        self.confs.mkdir(exist_ok=True)
        managed = {"type": "host-local", "subnet": subnet, "routes": [{"dst": "0.0.0.0/0"}]}
        text = {"cniVersion": "1.0.0", "name": "shop", **conf, "ipam": managed}
        (self.confs / "10-shop.conf").write_text(json.dumps(text))


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Changing]:
    """A fresh host and an outside."""
    made = Changing(tmp_path)
    with made:
        yield made


def test_a_network_changed_to_the_hosts_own_does_not_cut_the_host_off(bed: Changing) -> None:
    """With a pod already on it the next one started, and the host took its router's address."""
    bed.shop(SUBNET, **PTP)
    one = bed.launch("one", net="shop")
    assert one.up, one.error
    bed.shop("192.0.2.0/24", **PTP)
    assert "of this network and" in bed.launch("two", net="shop").error
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(bed.host.pid, OUTSIDE, 80) == HOST
    bed.shop("10.21.0.0/24", **PTP)
    assert bed.launch("three", net="shop").up
    assert bed.launch("four", net="shop").up


def test_a_subnet_does_not_move_to_another_bridge_below_its_pods(bed: Changing) -> None:
    """The next pod was up, but the host had two equal routes and reached one of the bridges."""
    bed.shop(SUBNET, type="bridge", bridge="shop0", isGateway=True)
    one = bed.launch("one", net="shop")
    assert one.up, one.error
    bed.shop(SUBNET, type="bridge", bridge="shop1", isGateway=True)
    said = bed.launch("two", net="shop").error
    assert f"{SUBNET} is in use by pods that started before" in said and "bridge shop0" in said
    assert "shop1" not in bed.host.run("ip", "link")
    one.down()
    two = bed.launch("two", net="shop")
    assert two.up, two.error
    with serving(two.pid, "0.0.0.0", 80):
        assert ask(bed.host.pid, two.ip, 80) == "10.20.0.1"
