# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout makes of hosts that do not answer, of who claims to be done, and of options."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    rollout_plan,
    rollout_state,
    rollout_steps,
)

OPTIONS: dict[str, Any] = {
    "canary": 1, "batches": ["100%"], "max_failures": 0, "rollback": "all", "pause": [], "pause_for": "stop",
    "accept_drift": False, "force_unlock": False, "single": False, "check": False, "lease": 3600,
}  # fmt: skip
HOSTS = ["a", "b", "c"]
POD = {
    "state": "running", "ready": True, "uuid": "u", "revision": 1, "created_at": "x", "images": ["a"],
    "restarts": {"a": 0}, "failing": "",
}  # fmt: skip
Answers = dict[tuple[str, str], Any]


def told(actions: list[str], **left: Any) -> dict[str, Any]:
    """The answer of a host, with the record `left`."""
    record = {
        "rollout": "r", "run": "1", "stage": "good", "complete": True, "revision": 1, "created_at": "x",
        "running": True, "before": {},
    }  # fmt: skip
    about = {
        "known": {"web": POD},
        "left": {"web": {**record, **left}},
        "actions": {"web": actions},
    }
    return {"podwright": about}


def asked(answers: Answers, missing: tuple[str, ...] = ()) -> rollout_steps.Results:
    """Who answers what; everybody else does well, but for the `missing` answers."""
    hooks = ("hooked", "after_hook")

    def results(host: str, name: str) -> Any:
        if name in missing:
            return None
        return answers.get((host, name), None if name in hooks else told(["start"]))

    return results


def begun(answers: Answers, **options: Any) -> dict[str, Any]:
    """A rollout at its first batch."""
    state = rollout_steps.opened("shop", "2", "o", [], {**OPTIONS, **options}, [], ["1"])
    state, _ = rollout_steps.planned(state, HOSTS, asked(answers), {})
    state, _ = rollout_steps.staged(state, asked(answers))
    return state


def outcome(state: dict[str, Any]) -> dict[str, str]:
    return {host: known["result"] for host, known in state["hosts"].items()}


@pytest.mark.parametrize("given", ["stop", "prompt", 0, 30, "600", "1.5", " 7 "])
def test_ways_to_pause(given: object) -> None:
    assert rollout_plan.pause_for(given) == str(given).strip()


@pytest.mark.parametrize("given", ["10%", "", "-1", "nan", "1e3", "ten", True, None, "٣", "9" * 9])
def test_ways_to_pause_that_nobody_can_mean(given: object) -> None:
    with pytest.raises(rollout_plan.PlanError, match="is not stop, prompt or a number of seconds"):
        rollout_plan.pause_for(given)
    with pytest.raises(rollout_plan.PlanError, match="pause_for"):
        begun({}, pause_for=given)


def test_a_lease_that_locks_nothing_is_refused() -> None:
    with pytest.raises(rollout_plan.PlanError, match="podwright_rollout_lease: 0 locks nothing"):
        begun({}, lease=0)


def test_a_host_that_was_not_staged_is_not_switched() -> None:
    state = rollout_steps.opened("shop", "2", "o", [], {**OPTIONS, "max_failures": 1})
    state, _ = rollout_steps.planned(state, HOSTS, asked({}), {})
    state, _ = rollout_steps.staged(state, asked({("b", "staged"): None}))
    assert outcome(state) == {"a": "not-tried", "b": "unreachable", "c": "not-tried"}
    assert state["batches"] == [["a"], ["c"]]


def test_who_is_locked_is_told_of_also_when_others_failed_before() -> None:
    locked = {"failed": True, "reason": "locked", "msg": "pod web is being rolled out by eve"}
    other = {"failed": True, "reason": "fetch", "msg": "no route"}
    state = begun({("a", "staged"): other, ("c", "staged"): locked})
    assert state["refused"]
    assert state["stop"] == "nothing was switched: c: pod web is being rolled out by eve"


def test_going_back_without_an_answer_is_no_success() -> None:
    state = begun({})
    failed = {"failed": True, "msg": "no", "reason": "not-ready", "podwright": {"actions": {}}}
    answers = asked({("a", "switched"): failed}, missing=("rolled_back",))
    state, _ = rollout_steps.judged(state, answers)
    assert state["rollback"] == ["a"]
    state, _ = rollout_steps.ended(state, answers, pause_file=False)
    assert outcome(state)["a"] == "unreachable"
    assert "and going back failed" in state["hosts"]["a"]["message"]


def test_a_last_look_without_an_answer_is_no_success() -> None:
    state = begun({})
    for _batch in state["batches"]:
        state, _ = rollout_steps.judged(state, asked({}))
        state, _ = rollout_steps.ended(state, asked({}), pause_file=False)
    state, _ = rollout_steps.closing(state, asked({}))
    assert state["confirm"] == HOSTS
    state, _ = rollout_steps.confirmed(state, asked({("b", "confirmed"): None}))
    assert outcome(state) == {"a": "updated", "b": "unreachable", "c": "updated"}
    assert not state["complete"]


def test_a_look_without_an_answer_says_so() -> None:
    with pytest.raises(rollout_steps.Refused, match="b: the host was not reached: it was lost"):
        begun({("b", "looked"): None})


@pytest.mark.parametrize(("run", "canary"), [("1", False), ("made up", True), ("", True)])
@pytest.mark.threat("T95")
def test_a_host_counts_as_canary_only_if_a_run_that_is_known_here_has_left_it(
    run: str, canary: bool
) -> None:
    state = begun({("c", "looked"): told([], complete=False, run=run)})
    assert state["canary"] is canary
    assert state["hosts"]["c"]["earlier"]  # it goes back with the others, whoever has left it so
    assert state["batches"] == ([["a"], ["b"]] if canary else [["a", "b"]])


@pytest.mark.parametrize("answers", [True, False])
def test_who_has_left_the_play_of_its_batch_is_brought_back_in_another(answers: bool) -> None:
    state = begun({}, canary=0)
    found = asked({("b", "after_hook"): {"begun": True}}, () if answers else ("rolled_back_lost",))
    state, _ = rollout_steps.judged(state, found)
    assert (state["lost"], rollout_state.lost_hosts(state)) == (["b"], ["a", "b"])
    state, _ = rollout_steps.ended(state, found, pause_file=False)
    assert (state["late"], outcome(state)["b"]) == (["b"], "failed")
    state, _ = rollout_steps.closing(state, found)
    assert outcome(state)["b"] == ("rolled-back" if answers else "unreachable")


@pytest.mark.parametrize(
    ("hooked", "reason", "goes_back"),
    [
        ({"begun": True}, "hook-unreachable", []),
        ({"failed": True, "reason": "hook-failed", "msg": "no"}, "hook-failed", []),
        ({"done": True}, "not-ready", ["a"]),
    ],
)
def test_only_a_host_whose_tasks_before_are_done_was_switched(
    hooked: dict[str, Any], reason: str, goes_back: list[str]
) -> None:
    state = begun({})
    bad = {"failed": True, "msg": "x", "reason": "not-ready", "podwright": {"actions": {}}}
    state, _ = rollout_steps.judged(state, asked({("a", "hooked"): hooked, ("a", "switched"): bad}))
    assert state["hosts"]["a"]["reason"] == reason
    assert state["rollback"] == goes_back
