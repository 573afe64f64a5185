# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollout: canary, batches, gates, rollback, pauses, locks, drift, on a fleet of four."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import Fleet
from tests.support import aci
from tests.support.agent import Agent
from tests.support.patience import until

pytestmark = pytest.mark.timeout(1500)
"""Each plays several times; on a machine with much else to do that takes its time."""
Publish = Callable[..., Path]
TINY = "example.com/tiny"
CHOOSY = ["/bin/sh", "-c", 'test "$BAD" = yes && exit 9; exec sleep 3600']
"""Does not start on hosts whose environment says so."""
LATER = ["/bin/sh", "-c", "sleep 2; exit 9"]


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Four hosts that trust the key; 1.0 and 2.0 run unless BAD is yes, 3.0 ends at once, 4.0 after two seconds."""
    agent.trust(lab.key, "example.com")
    published("1.0", app=aci.app(CHOOSY))
    published("2.0", app=aci.app(CHOOSY))
    published("3.0", app=aci.app(["/bin/sh", "-c", "exit 9"]))
    published("4.0", app=aci.app(LATER))
    made = Fleet(agent.host, tmp_path / "fleet", ("a", "b", "c", "d"), agent.local).prepare()
    yield made
    made.stop()


def web(version: str, *bad: str, **changes: Any) -> list[dict[str, Any]]:
    """The desired pods of a rollout; on `bad` hosts the pod does not start."""
    environment = {"BAD": "{{ 'yes' if inventory_hostname in " + repr(list(bad)) + " else 'no' }}"}
    body = {
        "name": "web",
        "image": f"{TINY}:{version}",
        "net": "none",
        "restart": "no",
        "ready": {"seconds": 0.1},
        **({"environment": environment} if bad else {}),
    }
    return [{**body, **changes}]


def everywhere(version: str) -> dict[str, str]:
    return dict.fromkeys("abcd", version)


def changed(out: str) -> int:
    """How many tasks have changed something, on all hosts."""
    return sum(map(int, re.findall(r"changed=(\d+)", out)))


def phases(fleet: Fleet) -> list[tuple[str, Any, str]]:
    """Phases as they began: name, number, hosts."""
    return [
        (one["phase"], one["batch"], "".join(one["hosts"])) for one in fleet.told("phase-started")
    ]


def test_what_is_predicted_is_what_happens_and_a_second_run_changes_nothing(fleet: Fleet) -> None:
    predicted = fleet.roll(web("1.0"), "--check", "--diff", batches=["50%"])
    assert predicted.exit == 0, predicted
    assert "a     canary   web: fetch, prepare, start" in predicted.stdout, predicted.stdout
    assert "d     batch 2  web: fetch, prepare, start" in predicted.stdout
    assert "+" in predicted.stdout and "to be fetched" in predicted.stdout
    assert not (fleet.base / "journal").exists() and not (fleet.base / "report.json").exists()
    assert all(not fleet.data(name).exists() for name in fleet.names)  # no lock, no image
    planned = {one["host"]: one["actions"] for one in fleet.told("host-ok")}

    done = fleet.roll(web("1.0"), batches=["50%"])
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("1.0")
    assert fleet.results() == dict.fromkeys("abcd", "updated")
    assert [event["event"] for event in fleet.events()][-1] == "rollout-finished"
    stages = [("stage", None, "abcd"), ("canary", 0, "a"), ("batch", 1, "bc"), ("batch", 2, "d")]
    assert phases(fleet) == [*stages, ("confirm", None, "abcd")]
    gates = [one for one in fleet.told("host-ok") if one["phase"] in ("canary", "batch")]
    assert gates[0]["host"] == "a" and len(gates) == 4
    for one in gates:  # images were fetched when it was staged
        assert planned[one["host"]]["web"] == ["fetch", *one["actions"]["web"]]
    assert fleet.state("a")["leases"] == {}
    assert fleet.state("d")["pods"]["web"]["complete"] is True

    again = fleet.roll(web("1.0"), batches=["50%"])
    assert again.exit == 0 and changed(again.stdout) == 0, again.stdout
    assert fleet.results() == dict.fromkeys("abcd", "unchanged")
    assert "Canary and batches" not in again.stdout.replace("PLAY [Canary and batches] **", "", 1)
    assert phases(fleet) == []


def test_a_bad_canary_goes_back_and_no_other_host_is_touched(fleet: Fleet) -> None:
    fleet.seed(web("1.0"))
    done = fleet.roll(web("3.0"))
    assert done.exit != 0
    assert fleet.versions() == everywhere("1.0")
    assert fleet.results() == {"a": "rolled-back", **dict.fromkeys("bcd", "not-tried")}
    assert [one for one, _, _ in phases(fleet)] == ["stage", "canary"]
    assert fleet.report()["stop"] == "a of the canary failed"
    assert all(fleet.state(name)["leases"] == {} for name in "abcd")
    # What the canary's gate finds only after a while is found, too.
    done = fleet.roll(web("4.0"), settle=30)
    assert done.exit != 0
    failed = fleet.told("host-failed")[0]
    assert (failed["host"], failed["reason"], failed["object"]) == ("a", "not-running", "web")
    assert [one["host"] for one in fleet.told("host-rolled-back")] == ["a"]
    assert fleet.versions() == everywhere("1.0")
    # That is no drift: the next one begins, and the fleet is well.
    done = fleet.roll(web("2.0"), batches="100%")
    assert done.exit == 0, done.stdout
    assert fleet.versions() == everywhere("2.0")


@pytest.mark.threat("T95")
def test_what_hosts_say_is_told_and_never_evaluated(fleet: Fleet) -> None:
    """What a check says ends up in events, in variables that are handed on, and in the table at the end."""
    canary, check = fleet.base / "evaluated", fleet.base / "check.sh"
    said = "{{ lookup('pipe', 'touch " + str(canary) + "') }} __import__ ansible_connection=ssh"
    check.write_text(f'#!/bin/sh\necho "{said}"\nexit 1\n')
    check.chmod(0o755)
    checks = [{"command": [str(check)], "timeout": 0}]
    done = fleet.roll(web("1.0"), checks=checks)
    assert done.exit != 0
    (failed,) = fleet.told("host-failed")
    assert failed["reason"] == "check-failed" and said in failed["message"]
    assert said in fleet.report()["hosts"]["a"]["message"]
    assert not canary.exists()
    assert fleet.versions() == everywhere("")  # it was not there before, and is not there now


def test_of_a_batch_that_fails_goes_back_what_was_asked_for(fleet: Fleet) -> None:
    fleet.seed(web("1.0"))
    one = fleet.roll(web("2.0", "c"), batches=["50%", 1], max_failures=1)
    assert one.exit != 0  # a host has failed, and that was allowed for
    assert fleet.results() == {"a": "updated", "b": "updated", "c": "rolled-back", "d": "updated"}
    assert fleet.versions() == {**everywhere("2.0"), "c": "1.0"}
    assert fleet.report()["outcome"] == "failed" and fleet.report()["stop"] == ""

    batch = fleet.roll(web("1.0", "c"), batches=["50%", 1], rollback="batch")
    assert batch.exit != 0
    found = {"a": "updated", "b": "rolled-back", "c": "rolled-back", "d": "not-tried"}
    assert fleet.results() == found, batch.stdout
    assert fleet.versions() == {"a": "1.0", "b": "2.0", "c": "1.0", "d": "2.0"}

    all_ = fleet.roll(web("2.0", "d"), batches=["50%", 1], rollback="all", accept_drift=True)
    assert all_.exit != 0
    assert fleet.results() == {**dict.fromkeys("acd", "rolled-back"), "b": "unchanged"}
    assert fleet.versions() == {"a": "1.0", "b": "2.0", "c": "1.0", "d": "2.0"}
    assert fleet.report()["outcome"] == "rolled-back"


def test_a_host_that_dies_on_the_way_is_told_and_a_second_run_converges(fleet: Fleet) -> None:
    fleet.seed(web("1.0"))
    hook = fleet.base / "before.yml"
    dies = {
        "name": "The host dies",
        "ansible.builtin.file": {"path": f"{fleet.base}/dead/c", "state": "touch"},
        "delegate_to": "b",
        "when": "inventory_hostname == 'c'",
    }
    hook.write_text(json.dumps([dies]))
    done = fleet.roll(web("2.0"), batches=["50%"], max_failures=1, before=str(hook))
    assert done.exit != 0
    assert fleet.results() == {"a": "updated", "b": "updated", "c": "unreachable", "d": "updated"}
    assert {one["reason"] for one in fleet.told("host-failed")} == {"unreachable"}
    assert fleet.versions() == {**everywhere("2.0"), "c": "1.0"}
    # While it is away, it is more than may fail.
    refused = fleet.roll(web("2.0"))
    assert refused.exit != 0 and "1 of 4 hosts cannot take part: c" in refused.stdout
    assert fleet.told("rollout-refused")[0]["reason"] == "unreachable"
    fleet.revive("c")
    again = fleet.roll(web("2.0"))
    assert again.exit == 0, again.stdout
    assert fleet.results() == {**dict.fromkeys("abd", "unchanged"), "c": "updated"}
    assert fleet.versions() == everywhere("2.0")
    assert all(fleet.state(name)["pods"]["web"]["complete"] for name in "abcd")


def test_a_killed_controller_is_taken_over_from_and_two_are_not_let(fleet: Fleet) -> None:
    fleet.seed(web("1.0"))
    pause = fleet.base / "journal/default.pause"
    pause.parent.mkdir()
    pause.touch()
    first = fleet.start(web("2.0"), batches=["50%"])
    until(lambda: fleet.told("rollout-paused"), "the rollout paused")
    (paused,) = fleet.told("rollout-paused")
    assert paused["reason"] == "asked" and fleet.versions() == {**everywhere("1.0"), "a": "2.0"}
    before = fleet.state("a")

    # Here, and on another controller that knows nothing of this one.
    same = fleet.roll(web("1.0"))
    assert same.exit != 0 and "is running on this controller since" in same.stdout
    other = fleet.roll(web("1.0"), journal="elsewhere")
    assert other.exit != 0 and "is being rolled out by" in other.stdout
    assert fleet.told("rollout-refused")[0]["reason"] == "locked"
    assert fleet.state("a") == before
    assert fleet.versions() == {**everywhere("1.0"), "a": "2.0"}

    pid = json.loads((fleet.base / "journal/default.json").read_text())["pid"]
    fleet.host.run(["kill", "-KILL", str(pid)]).check()
    first.communicate()
    assert fleet.state("b")["leases"]  # it is still locked, for somebody else
    other = fleet.roll(web("2.0"), journal="elsewhere")
    assert other.exit != 0 and "is being rolled out by" in other.stdout
    pause.unlink()
    again = fleet.roll(web("2.0"), batches=["50%"])
    assert again.exit == 0, again.stdout
    assert [one for one, _, _ in phases(fleet)] == ["stage", "batch", "batch", "confirm"]
    assert fleet.results() == {"a": "unchanged", **dict.fromkeys("bcd", "updated")}
    assert fleet.versions() == everywhere("2.0")
    assert fleet.state("a")["leases"] == {}


def test_a_rollout_stops_at_a_pause_and_the_next_run_goes_on(fleet: Fleet) -> None:
    fleet.seed(web("1.0"))
    done = fleet.roll(web("2.0"), batches="100%", pause=["canary"])
    assert done.exit == 0, done.stdout
    assert fleet.results() == {"a": "updated", **dict.fromkeys("bcd", "not-tried")}
    assert fleet.report()["outcome"] == "paused"
    assert fleet.state("b")["leases"] == {}
    # Nobody is there to answer: it stops as well.
    asked = fleet.roll(web("2.0"), batches=[1, 2], pause=["batch"], pause_for="prompt")
    assert asked.exit == 0 and fleet.report()["outcome"] == "paused"
    assert fleet.versions() == {"a": "2.0", "b": "2.0", "c": "1.0", "d": "1.0"}
    last = fleet.roll(web("2.0"), batches=[1], pause=["batch"], pause_for=0)
    assert last.exit == 0, last.stdout
    assert [one["event"] for one in fleet.events()].count("rollout-resumed") == 1
    assert fleet.versions() == everywhere("2.0")


def test_drift_is_refused_until_it_is_accepted(fleet: Fleet) -> None:
    fleet.roll(web("1.0"), canary=0, batches="100%")
    other = {"name": "web", "image": f"{TINY}:2.0", "net": "none", "ready": {"seconds": 0.1}}
    fleet.agent("c").apply({"pods": [other]})
    pods = web("1.0", labels={"new": "yes"})
    check = fleet.roll(pods, "--check")
    done = fleet.roll(pods)
    for refused in (check, done):
        assert refused.exit != 0
        assert "c: pod web was changed: it has revision 2" in refused.stdout, refused.stdout
    assert fleet.told("rollout-refused")[0]["reason"] == "drift"
    assert not fleet.state("a")["leases"]
    fleet.agent("d").ok("stop", "web")
    some = fleet.roll(pods, accept_drift=["c"])
    assert some.exit != 0 and "d: pod web was stopped" in some.stdout
    taken = fleet.roll(pods, accept_drift=True, batches="100%")
    assert taken.exit == 0, taken.stdout
    assert fleet.versions() == everywhere("1.0")
