# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules network and network_info on the real agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"
PTP = {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.20.0.0/24"}}
SHOP = {"cniVersion": "1.0.0", "name": "shop", "plugins": [PTP]}


@pytest.fixture
def folder(adhoc: AdHoc) -> Path:
    """Where the administrator's networks are configured."""
    return adhoc.agent.local / "net.d"


def told(adhoc: AdHoc, options: dict[str, Any], *flags: str) -> dict[str, Any]:
    """What a call answers, with what differs."""
    result = adhoc("network", options, "--diff", "-vvv", *flags)
    return {name: result[name] for name in ("changed", "networks", "diff")}


def test_a_network_is_written_once_and_taken_back(adhoc: AdHoc, folder: Path) -> None:
    wanted = {"name": "shop", "plugins": [PTP]}
    path = folder / "50-shop.conflist"
    would = told(adhoc, wanted, "--check")
    assert would["changed"] is True
    assert would["diff"] == {
        "before": {"networks": {"shop": {}}},
        "after": {"networks": {"shop": {"path": str(path), "config": SHOP}}},
    }
    assert not folder.exists()
    made = told(adhoc, wanted)
    assert made == would
    assert made["networks"] == [
        {
            "name": "shop",
            "path": str(path),
            "changed": True,
            "action": "write",
            "state": "present",
        }
    ]
    assert json.loads(path.read_text()) == SHOP
    assert path.stat().st_mode & 0o7777 == 0o644
    assert folder.stat().st_mode & 0o7777 == 0o755
    again = told(adhoc, wanted)
    assert again["changed"] is False
    assert again["diff"] == {"before": {}, "after": {}}
    assert adhoc("network", wanted, "--check")["changed"] is False

    gone = {"name": "shop", "state": "absent"}
    would = told(adhoc, gone, "--check")
    assert would["diff"]["after"] == {"networks": {"shop": {}}}
    assert path.exists()
    assert told(adhoc, gone) == would
    assert list(folder.iterdir()) == []
    assert adhoc("network", gone)["changed"] is False


def test_a_whole_configuration_is_the_same_as_its_parts(adhoc: AdHoc, folder: Path) -> None:
    adhoc("network", {"name": "shop", "config": {**PTP, "cniVersion": "1.0.0"}})
    assert json.loads((folder / "50-shop.conflist").read_text()) == SHOP
    for same in ({"config": SHOP}, {"plugins": [PTP]}, {"plugins": [PTP], "cni_version": "1.0.0"}):
        assert adhoc("network", {"name": "shop", **same})["changed"] is False
    made = told(adhoc, {"name": "shop", "plugins": [PTP], "disable_check": True})
    assert made["diff"]["after"]["networks"]["shop"]["config"]["disableCheck"] is True


def test_a_type_that_nothing_does_yet_is_written_with_a_warning(adhoc: AdHoc, folder: Path) -> None:
    slip = {"name": "shop", "plugins": [{**PTP, "type": "ptpp"}]}
    would = adhoc.run("network", slip, "--check")
    assert (would["failed"], would["changed"]) == (False, True)
    said = " ".join(adhoc.output.split())
    assert "WARNING]: network shop: there is no plugin ptpp; did you mean ptp, which" in said
    assert not folder.exists()
    bad = {"name": "shop", "plugins": [{**PTP, "mtu": "1400"}]}
    said = adhoc.refused("network", bad, "--check")["msg"]
    assert "ptp.mtu: must be a whole number, not a string" in said


def test_many_networks_in_one_call(adhoc: AdHoc, folder: Path) -> None:
    wanted: dict[str, Any] = {
        "networks": [
            {"name": "shop", "plugins": [PTP], "order": 20},
            {"name": "old", "state": "absent"},
            {"name": "lab", "config": {**PTP, "mtu": 1400}},
        ]
    }
    made = adhoc("network", wanted)
    assert [part["name"] for part in made["networks"]] == ["shop", "old", "lab"]
    assert [part["action"] for part in made["networks"]] == ["write", "none", "write"]
    assert sorted(path.name for path in folder.iterdir()) == ["20-shop.conflist", "50-lab.conflist"]
    assert adhoc("network", wanted)["changed"] is False
    assert (
        adhoc("network", {**wanted, "state": "absent"})["changed"] is True
    )  # lab and shop say none
    assert list(folder.iterdir()) == []


def test_the_file_keeps_its_number_until_another_is_said(adhoc: AdHoc, folder: Path) -> None:
    adhoc("network", {"name": "shop", "plugins": [PTP], "order": 7})
    assert adhoc("network", {"name": "shop", "plugins": [PTP]})["changed"] is False
    made = told(adhoc, {"name": "shop", "plugins": [PTP], "order": 90})
    assert made["diff"]["before"]["networks"]["shop"]["path"] == str(folder / "07-shop.conflist")
    assert [path.name for path in folder.iterdir()] == ["90-shop.conflist"]


def test_a_file_that_was_written_by_hand_is_replaced(adhoc: AdHoc, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "10-mine.conf").write_text(json.dumps({"name": "shop", **PTP, "mtu": 1300}))
    (folder / "20-broken.conf").write_text(json.dumps({"name": "shop", "type": "ptp", "mut": 1}))
    (folder / "30-other.conf").write_text(json.dumps({"name": "other", **PTP}))
    would = told(adhoc, {"name": "shop", "plugins": [PTP]}, "--check")
    assert would["diff"]["before"]["networks"]["shop"]["path"] == str(folder / "10-mine.conf")
    assert would["diff"]["before"]["networks"]["shop"]["config"]["mtu"] == 1300
    assert told(adhoc, {"name": "shop", "plugins": [PTP]}) == would
    assert sorted(path.name for path in folder.iterdir()) == ["30-other.conf", "50-shop.conflist"]


def test_a_file_of_ours_that_is_damaged_is_written_again_or_goes(
    adhoc: AdHoc, folder: Path
) -> None:
    path = folder / "07-shop.conflist"
    adhoc("network", {"name": "shop", "plugins": [PTP], "order": 7})
    for damage in (lambda: path.chmod(0o666), lambda: path.write_text("{")):
        damage()
        made = adhoc("network", {"name": "shop", "plugins": [PTP]})
        assert (made["changed"], made["networks"][0]["path"]) == (True, str(path))
        assert path.stat().st_mode & 0o7777 == 0o644
        assert json.loads(path.read_text()) == SHOP
    path.write_text("{")
    assert adhoc("network", {"name": "shop", "state": "absent"})["changed"] is True
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "shop"}, "plugins: is missing; say what the network is, or state: absent"),
        ({"name": "host", "plugins": [PTP]}, "networks[0].name: 'host' is not a network name"),
        (
            {"name": "a", "plugins": [{**PTP, "brigde": "x"}]},
            "networks[0].config: plugins[0].brigde: type ptp has no such key",
        ),
        ({"name": "a", "plugins": [PTP], "config": PTP}, "plugins: cannot stand beside config"),
        (
            {"networks": [{"name": "b", "plugins": [PTP]}, {"name": "a", "plugins": [{}]}]},
            "networks[1].config: plugins[0].type: is missing",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    adhoc: AdHoc, folder: Path, options: dict[str, Any], message: str
) -> None:
    assert message in adhoc.refused("network", options)["msg"]
    assert not folder.exists()


def test_what_pods_use_does_not_go_away(trusting: AdHoc, published: Publish, folder: Path) -> None:
    published()
    trusting("network", {"name": "shop", "plugins": [PTP]})
    pod = {"name": "web", "image": TINY, "net": ["shop"], "ready": {"seconds": 0.1}}
    assert trusting("pod", pod)["changed"] is True
    assert trusting("pod", {**pod, "net": "shop"})["changed"] is False
    (found,) = trusting("network_info", "name=shop")["networks"]
    (on,) = found["pods"]
    assert (found["source"], found["subnets"]) == (
        str(folder / "50-shop.conflist"),
        ["10.20.0.0/24"],
    )
    assert (on["name"], on["addresses"]) == ("web", ["10.20.0.2/24"])

    gone = {"name": "shop", "state": "absent"}
    failed = trusting.refused("network", gone, "--check")
    assert failed["msg"] == (
        "network shop: is used by pod web; take the pods off it first, or say force"
    )
    assert failed["reason"] == "in-use"
    assert trusting.refused("network", gone)["msg"] == failed["msg"]
    changed = trusting.run("network", {"name": "shop", "plugins": [{**PTP, "mtu": 1400}]})
    assert changed["changed"] is True
    assert "network shop: pod web keeps what it has until it starts again" in trusting.output
    trusting("pod", {"name": "web", "state": "stopped"})
    assert "used by pod web" in trusting.refused("network", gone)["msg"]
    assert (folder / "50-shop.conflist").exists()
    assert trusting("network", {**gone, "force": True})["changed"] is True
    assert "network shop: does not exist on this host" in trusting.refused("pod", pod)["msg"]
    trusting("pod", {"name": "web", "state": "absent"})


def test_a_built_in_network_comes_back_when_what_took_its_place_goes(
    adhoc: AdHoc, folder: Path
) -> None:
    def source() -> str:
        (found,) = adhoc("network_info", "name=default")["networks"]
        return str(found["source"])

    assert source() == ""
    adhoc("network", {"name": "default", "plugins": [PTP]})
    assert source() == str(folder / "50-default.conflist")
    made = adhoc("network", {"name": "default", "state": "absent"})
    assert made["networks"][0]["state"] == "built-in"
    assert source() == ""


def test_network_info_tells_of_files_that_cannot_be_used(adhoc: AdHoc, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "10-shop.conf").write_text(json.dumps({"name": "shop", "type": "ptp", "mut": 1}))
    found = adhoc("network_info")["networks"]
    assert [one["name"] for one in found] == ["default-restricted", "default", "shop"]
    assert [bool(one["error"]) for one in found] == [False, False, True]
    assert found[2]["config"] is None
    assert adhoc("network_info", "name=nowhere")["networks"] == []
