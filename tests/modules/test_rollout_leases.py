# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts whose controller is gone, parts of a play that are rollouts of their own, and what goes on as accepted."""

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

pytestmark = pytest.mark.timeout(1500)
Publish = Callable[..., Path]
ELSEWHERE = "elsewhere"
"""The journal of another controller, which knows nothing of the first one."""


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Three hosts that run 1.0."""
    made = three_hosts(agent, lab.key, published, tmp_path, web("1.0"))
    yield made
    made.stop()


def web(version: str, **more: Any) -> list[dict[str, Any]]:
    image = f"example.com/tiny:{version}"
    return [{"name": "web", "image": image, "net": "none", "ready": {"seconds": 0.1}, **more}]


def everywhere(version: str) -> dict[str, str]:
    return dict.fromkeys(NAMES, version)


def left_by_a_dead_controller(fleet: Fleet) -> None:
    """A rollout of 2.0 that has reached the first host, and whose controller was then lost."""
    pause = fleet.base / "journal/default.pause"
    pause.parent.mkdir()
    pause.touch()
    first = fleet.start(web("2.0"))
    until(lambda: fleet.told("rollout-paused"), "the rollout paused")
    pid = json.loads((fleet.base / "journal/default.json").read_text())["pid"]
    fleet.host.run(["kill", "-KILL", str(pid)]).check()
    first.communicate()
    pause.unlink()
    assert fleet.versions() == {**everywhere("1.0"), "a": "2.0"}


def hours_pass(fleet: Fleet, name: str) -> None:
    """The same as if a host's clock had gone on: its leases are older."""
    path = fleet.data(name) / "rollouts/state.json"
    state = json.loads(path.read_text())
    for lease in state["leases"].values():
        lease.update(since=lease["since"] - 7200, expires=lease["expires"] - 7200)
    path.write_text(json.dumps(state))


def refused_for(fleet: Fleet, name: str) -> None:
    """Another controller is not let on a host that the first one holds."""
    refused = fleet.roll(web("2.0"), journal=ELSEWHERE)
    assert refused.exit != 0, refused.stdout
    assert f"{name}: pod web is being rolled out by" in refused.stdout, refused.stdout


def test_a_lease_that_nobody_renews_ends_and_before_it_is_taken_by_force_only(fleet: Fleet) -> None:
    left_by_a_dead_controller(fleet)
    late = fleet.state("c")["leases"]["web"]["run"]
    refused_for(fleet, "a")
    hours_pass(fleet, "a")
    hours_pass(fleet, "b")
    refused_for(fleet, "c")
    done = fleet.roll(web("2.0"), journal=ELSEWHERE, force_unlock=True)
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("2.0")
    # Should the first one wake up, it gets no lease again.
    assert late in fleet.state("c")["fenced"]
    assert fleet.state("b")["leases"] == fleet.state("c")["leases"] == {}


def test_a_run_whose_journal_somebody_removes_ends_well_and_unlocks(fleet: Fleet) -> None:
    pause = fleet.base / "journal/default.pause"
    pause.parent.mkdir()
    pause.touch()
    run = fleet.start(web("2.0"), batches="100%", lease=7200)
    until(lambda: fleet.told("rollout-paused"), "the rollout paused")
    journal = fleet.base / "journal/default.json"
    journal.unlink()
    pause.unlink()
    stdout, _ = run.communicate()
    assert run.returncode == 0, stdout
    assert fleet.versions() == everywhere("2.0")
    assert all(fleet.state(name)["leases"] == {} for name in NAMES)
    told = json.loads(journal.read_text())
    assert (told["state"], told["lease"]) == ("done", 7200)


def test_each_part_of_a_play_with_serial_is_a_rollout(fleet: Fleet) -> None:
    play = {
        "hosts": "all",
        "gather_facts": False,
        "serial": [1, 2],
        "roles": ["podwright.fleet.rollout"],
    }
    path = fleet.base / "own.json"
    path.write_text(json.dumps([play]))
    broken = fleet.roll(
        web("2.0", ready={"exec": ["/bin/false"], "timeout": 2}), playbook=str(path)
    )
    assert broken.exit != 0
    # The first part has failed and gone back; Ansible does not begin another then.
    assert fleet.versions() == everywhere("1.0") and fleet.results() == {"a": "rolled-back"}
    done = fleet.roll(web("2.0"), playbook=str(path))
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("2.0")
    began = [one["hosts"] for one in fleet.told("rollout-started")]
    assert began == [["a"], ["b", "c"]]


def test_what_was_accepted_is_not_asked_for_again_by_the_run_that_goes_on(fleet: Fleet) -> None:
    assert fleet.roll(web("1.0", labels={"n": "1"}), canary=0, batches="100%").exit == 0
    fleet.agent("c").apply({"pods": web("1.0", labels={"by": "hand"})})
    refused = fleet.roll(web("2.0"))
    assert refused.exit != 0 and "c: pod web was changed" in refused.stdout
    half = fleet.roll(web("2.0"), accept_drift=True, pause=["canary"])
    assert half.exit == 0 and fleet.report()["outcome"] == "paused", half.stdout
    # Another change by hand is another drift, and nobody has accepted that.
    other = web("1.0", labels={"by": "another hand"})
    fleet.agent("b").apply({"pods": other})
    stopped = fleet.roll(web("2.0"))
    assert stopped.exit != 0 and "b: pod web was changed" in stopped.stdout
    assert "c: pod web was changed" not in stopped.stdout
    done = fleet.roll(web("2.0"), accept_drift=["b"])
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("2.0")
