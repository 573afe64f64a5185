# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of the desired state."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.network import NetworkSpec
from podwright.model.spec import parse_desired

PTP = {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.20.0.0/24"}}
SHOP = {"cniVersion": "1.0.0", "name": "shop", "plugins": [PTP]}


def network(**fields: Any) -> dict[str, Any]:
    return {"networks": [{"name": "shop", **fields}]}


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        (network(config=SHOP), NetworkSpec("shop", None, SHOP)),
        (network(config=PTP, order=0), NetworkSpec("shop", 0, SHOP)),
        (network(config={"plugins": [PTP]}), NetworkSpec("shop", None, SHOP)),
        (
            network(config={**PTP, "name": "shop", "disableCheck": True, "mtu": None}),
            NetworkSpec("shop", None, {**SHOP, "disableCheck": True}),
        ),
        (
            network(config={"cniVersions": ["0.4.0", "1.1.0"], **PTP}),
            NetworkSpec(
                "shop",
                None,
                {"cniVersions": ["0.4.0", "1.1.0"], "name": "shop", "plugins": [PTP]},
            ),
        ),
        (network(state="absent", force=True), NetworkSpec("shop", force=True)),
    ],
)
def test_a_network_is_one_document_however_it_is_said(
    raw: dict[str, Any], spec: NetworkSpec
) -> None:
    assert parse_desired(raw).networks == (spec,)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (network(name="../x", config=PTP), "networks[0].name: '../x' is not a network name"),
        (network(name="all", config=PTP), "networks[0].name: 'all' is not a network name"),
        (network(), "networks[0].config: is missing"),
        (network(config=[PTP]), "networks[0].config: must be an object, not a list"),
        (network(config={**PTP, "name": "b"}), "networks[0].config.name: 'b' is not shop"),
        (network(config={"plugins": []}), "networks[0].config: plugins: is empty"),
        (network(config={"plugins": [{}]}), "networks[0].config: plugins[0].type: is missing"),
        (
            network(config={**PTP, "ipam": {"type": "host-local", "net": "x"}}),
            "networks[0].config: plugins[0].ipam.net: address management host-local has no such key",
        ),
        (
            network(config={**SHOP, "cniVersion": "2.0.0"}),
            "networks[0].config: cniVersion: '2.0.0' is not known",
        ),
        (network(config=PTP, order=99), "networks[0].order: 99 is not between 0 and 98"),
        (network(config=PTP, state="up"), "networks[0].state: 'up' is not one of present, absent"),
        (network(config=PTP, mtu=1400), "networks[0].mtu: unknown field"),
        (
            {"networks": [{"name": "a", "config": PTP}, {"name": "a", "state": "absent"}]},
            "networks[1].name: network a appears twice",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_desired(raw)
    assert caught.value.message.startswith(message)
