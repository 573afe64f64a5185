# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollback: a fleet goes back with plan, locks, journal, events and table, and can be interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import NAMES, Fleet, three_hosts
from tests.support.agent import Agent
from tests.support.patience import until
from tests.support.private_host import Result

pytestmark = pytest.mark.timeout(1500)
Publish = Callable[..., Path]


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Three hosts on which 1.0 was there before 2.0 was rolled out."""
    made = three_hosts(agent, lab.key, published, tmp_path, web("1.0"))
    done = made.roll(web("2.0"), canary=0, batches="100%")
    assert done.exit == 0 and made.versions() == everywhere("2.0"), done.stdout
    yield made
    made.stop()


def web(version: str) -> list[dict[str, Any]]:
    image = f"example.com/tiny:{version}"
    return [
        {"name": "web", "image": image, "net": "none", "restart": "no", "ready": {"seconds": 0.1}}
    ]


def everywhere(version: str) -> dict[str, str]:
    return dict.fromkeys(NAMES, version)


def back(fleet: Fleet, *flags: str, **more: Any) -> Result:
    return fleet.roll(web("2.0"), *flags, playbook="podwright.fleet.rollback", **more)


def journal(fleet: Fleet) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((fleet.base / "journal/default.json").read_text())
    return found


def test_a_fleet_goes_back_as_planned_and_says_so(fleet: Fleet) -> None:
    before = [fleet.state(name) for name in NAMES]
    predicted = back(fleet, "--check")
    assert predicted.exit == 0, predicted.stdout
    assert "rollback default of web: 3 of 3 hosts in 1 step," in predicted.stdout
    assert "a     batch 1  web: prepare, stop, start" in predicted.stdout, predicted.stdout
    assert [fleet.state(name) for name in NAMES] == before
    assert fleet.versions() == everywhere("2.0")

    done = back(fleet, "-e", '{"podwright_rollback_serial": [1, "100%"]}', batches=[1])
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("1.0")
    assert fleet.results() == everywhere("rolled-back")
    assert "rollback default done" in done.stdout
    row = "a     rolled-back  batch 1  web example.com/tiny:1.0  web: prepare, stop, start"
    assert row in done.stdout, done.stdout
    told = fleet.events()
    assert {one["direction"] for one in told} == {"back"}
    began = [(one["phase"], one["batch"], one["hosts"]) for one in fleet.told("phase-started")]
    batches = [("batch", 1, ["a"]), ("batch", 2, ["b", "c"])]
    every = list(NAMES)
    assert began == [("stage", None, every), *batches, ("confirm", None, every)]
    assert told[-1]["event"] == "rollout-finished" and told[-1]["reason"] == "done"
    assert told[-1]["results"] == everywhere("rolled-back")
    assert (journal(fleet)["direction"], journal(fleet)["state"]) == ("back", "done")
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)

    again = back(fleet)
    assert again.exit == 0 and fleet.results() == everywhere("unchanged"), again.stdout
    assert fleet.versions() == everywhere("1.0")
    # What it has left is no drift for the next rollout.
    forth = fleet.roll(web("2.0"), canary=0, batches="100%")
    assert forth.exit == 0 and fleet.versions() == everywhere("2.0"), forth.stdout


def test_one_that_was_interrupted_goes_on_and_nobody_comes_between(fleet: Fleet) -> None:
    """It waits for a file between two batches, and its controller dies there."""
    pause = fleet.base / "journal/default.pause"
    pause.touch()
    serial = ("-e", '{"podwright_rollback_serial": [1]}')
    first = fleet.start(web("2.0"), *serial, playbook="podwright.fleet.rollback")
    until(lambda: fleet.told("rollout-paused"), "the rollback paused")
    assert fleet.versions() == {**everywhere("2.0"), "a": "1.0"}

    same = fleet.roll(web("2.0"))
    assert same.exit != 0 and "is running on this controller since" in same.stdout
    for playbook in ("podwright.fleet.rollout", "podwright.fleet.rollback"):
        other = fleet.roll(
            [{**web("2.0")[0], "labels": {"new": "yes"}}], journal="elsewhere", playbook=playbook
        )
        assert other.exit != 0 and "is being rolled out by" in other.stdout, other.stdout
        assert fleet.told("rollout-refused")[0]["reason"] == "locked"
    assert fleet.versions() == {**everywhere("2.0"), "a": "1.0"}

    fleet.host.run(["kill", "-KILL", str(journal(fleet)["pid"])]).check()
    first.communicate()
    pause.unlink()
    again = back(fleet, *serial)
    assert again.exit == 0, again.stdout
    assert fleet.results() == {**everywhere("rolled-back"), "a": "unchanged"}
    assert fleet.versions() == everywhere("1.0")
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)


def test_what_was_going_back_when_it_was_interrupted_is_no_drift(fleet: Fleet) -> None:
    """The agent has done it, and nobody was there to note it."""
    path = fleet.data("b") / "rollouts/state.json"
    record = json.loads(path.read_text())
    fleet.agent("b").apply({"pods": [{"name": "web", "state": "started", "revision": 1}]})
    control = back(fleet)
    assert control.exit == 0, control.stdout  # there is nothing to do on b, and so no drift either
    assert fleet.results() == {**everywhere("rolled-back"), "b": "unchanged"}
    # The same in the middle of a change, which leaves the record as it was, but for its stage.
    record["pods"]["web"]["stage"] = "pending"
    path.write_text(json.dumps(record))
    done = back(fleet)
    assert done.exit == 0, done.stdout
    assert fleet.state("b")["pods"]["web"]["stage"] == "rolled-back"
    assert fleet.versions() == everywhere("1.0")


def test_what_was_as_desired_before_its_first_rollout_is_left_alone(fleet: Fleet) -> None:
    (fleet.data("c") / "rollouts/state.json").unlink()  # as if it had never taken part
    same = fleet.roll(web("2.0"), canary=0, batches="100%")
    assert same.exit == 0 and fleet.results() == everywhere("unchanged"), same.stdout
    done = back(fleet)
    assert done.exit == 0, done.stdout
    assert fleet.results() == {"a": "rolled-back", "b": "rolled-back", "c": "unchanged"}
    assert fleet.versions() == {**everywhere("1.0"), "c": "2.0"}


def test_drift_and_lost_hosts_are_told_and_the_others_go_back(fleet: Fleet) -> None:
    other = {**web("2.0")[0], "labels": {"by": "somebody else"}}
    fleet.agent("c").apply({"pods": [other]})
    refused = back(fleet)
    assert refused.exit != 0 and "c: pod web was changed: it has revision 3" in refused.stdout
    assert fleet.versions() == everywhere("2.0")
    # A pod that does not run any more is why one goes back.
    fleet.agent("a").ok("stop", "web")
    fleet.kill("b")
    done = back(fleet, accept_drift=["c"])
    assert done.exit != 0
    assert fleet.results() == {"a": "rolled-back", "b": "unreachable", "c": "rolled-back"}
    assert fleet.versions() == {**everywhere("1.0"), "b": "2.0"}
    assert fleet.report()["outcome"] == "failed"
    fleet.revive("b")
    again = back(fleet)
    assert again.exit == 0, again.stdout
    assert fleet.results() == {**everywhere("unchanged"), "b": "rolled-back"}
    assert fleet.versions() == everywhere("1.0")
