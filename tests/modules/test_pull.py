# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules pull and pull_info: a host follows its fleet when a play says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.pull_bed import FLEET, URL, Fleet, pod
from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check
from tests.support.webserver import ImageServer

HERE = {"url": URL, "fleet": FLEET}


@pytest.fixture
def fleet(
    adhoc: AdHoc, https_server: ImageServer, lab: Keys, published: Callable[..., Path]
) -> Iterator[Fleet]:
    """A host that trusts a key for the fleet, and an image that it may run."""
    published()
    bed = Fleet(adhoc.agent, https_server, lab)
    yield bed
    bed.end()


def actions(result: dict[str, Any]) -> dict[str, list[str]]:
    """What was done to pods."""
    return {one["name"]: one["actions"] for one in result["pods"]}


def test_a_bundle_is_followed_told_and_put_right(
    fleet: Fleet, adhoc: AdHoc, tmp_path: Path
) -> None:
    match = {"groups": ["shop"], "labels": {"zone": "a"}}
    fleet.publish(3, hosts=[{"match": match, "state": {"pods": [pod()]}}])
    mine = {**HERE, "groups": ["shop"], "labels": {"zone": "a"}}
    script = Script(adhoc, tmp_path)
    none, would, nothing, done, again, told, other = script(
        ("pull_info", {}),
        check("pull", mine),
        ("pull_info", {}),
        ("pull", mine),
        ("pull", mine),
        ("pull_info", {"fleet": [FLEET]}),
        ("pull_info", {"fleet": ["acme/none"]}),
    )
    assert none["pulls"] == nothing["pulls"] == other["pulls"] == []
    assert would["changed"] and would["diff"]["before"] == {"pods": {"web": {"state": "absent"}}}
    assert done["changed"] and (done["state"], done["serial"]) == ("applied", 3)
    assert actions(would) == actions(done) == {"web": ["fetch", "prepare", "start"]}
    assert "diff" not in done and (again["changed"], again["state"]) == (False, "unchanged")
    (known,) = told["pulls"]
    assert (known["serial"], known["state"], known["error"]) == (3, "unchanged", None)
    assert set(fleet.pods()) == {"web"}
    fleet.agent.ok("stop", "web")
    drifted, repaired = script(("pull", mine), ("pull", {**mine, "repair": True}))
    assert not drifted["changed"] and repaired["changed"] and set(fleet.pods()) == {"web"}


@pytest.mark.threat("T96")
def test_a_refused_bundle_changes_nothing_and_is_told_by_both(
    fleet: Fleet, adhoc: AdHoc, tmp_path: Path
) -> None:
    fleet.publish(4, pod())
    script = Script(adhoc, tmp_path)
    script(("pull", HERE))
    before = fleet.pods()
    fleet.publish(2)
    older, told = script.any(("pull", HERE), ("pull_info", {}))
    assert older["failed"] and not told.get("failed"), (older, told)
    assert older["stage"] == "verify" and older["hint"] and "serial" in older["msg"]
    (known,) = told["pulls"]
    assert known["serial"] == 4 and known["error"]["reason"] == older["reason"]
    fleet.serve(fleet.document(5), key=fleet.lab.key)
    forged, would = script.any(("pull", HERE), check("pull", HERE))
    assert forged["failed"] and would["failed"] and forged["reason"] == would["reason"]
    assert fleet.pods() == before
