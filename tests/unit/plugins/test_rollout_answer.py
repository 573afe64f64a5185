# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host that answers nonsense is one host that fails, and the rollout of the others goes on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    rollout_answer,
    rollout_plan,
    rollout_steps,
    rollout_table,
)

OPTIONS = {
    "canary": 1, "batches": ["100%"], "max_failures": 1, "rollback": "host", "pause": [], "pause_for": "stop",
    "accept_drift": False, "force_unlock": False, "single": False, "check": False,
    "lease": 3600,
}  # fmt: skip
POD = {
    "state": "running", "ready": True, "uuid": "u", "revision": 1, "created_at": "x", "images": ["a"],
    "restarts": {"a": 0}, "failing": "",
}  # fmt: skip
RECORD = {
    "rollout": "r", "run": "x", "stage": "good", "complete": True, "revision": 1, "created_at": "x", "running": True,
    "before": {},
}  # fmt: skip
TOLD = {
    "lease": None,
    "known": {"web": POD},
    "left": {"web": RECORD},
    "actions": {"web": ["start"]},
}
GOOD = {"podwright": TOLD}
ODD: tuple[Any, ...] = (
    *(None, True, 1, "x", [], ["x"], [1], [{}], {}),
    *({"web": 1}, {"web": None}, {"web": {}}, {"web": [1]}, {"web": {"a": None}}),
)  # fmt: skip


def lies(told: Any) -> Iterator[Any]:
    """The answer with something else, or nothing, in each place."""
    yield from ODD
    if isinstance(told, dict):
        for name, content in told.items():
            yield {key: copy.deepcopy(told[key]) for key in told if key != name}
            for other in lies(content):
                yield {**told, name: other}


def roll_out(told: Any) -> dict[str, Any]:
    """The results of three hosts after a rollout in which one of them answers this, always."""

    def results(host: str, name: str) -> Any:
        if name in ("hooked", "after_hook"):
            return None
        answer = {"podwright": told} if host == "c" else GOOD
        return rollout_answer.checked(name, {**answer, "run": "run"}, "run")

    state = rollout_steps.opened("shop", "run", "o", [], dict(OPTIONS))
    state, _ = rollout_steps.planned(state, ["a", "b", "c"], results, {})
    rollout_table.plan(state)
    state, _ = rollout_steps.staged(state, results)
    while not state["over"] and state["at"] + 1 <= len(state["batches"]):
        at = state["at"]
        state, _ = rollout_steps.judged(state, results)
        state, _ = rollout_steps.ended(state, results, pause_file=False)
        if state["at"] == at:
            break
    state, _ = rollout_steps.closing(state, results)
    state, _ = rollout_steps.confirmed(state, results)
    state, _ = rollout_steps.closed(state, results)
    rollout_table.summary(state)
    return {host: known["result"] for host, known in state["hosts"].items()}


@pytest.mark.threat("T95")
def test_a_host_that_answers_nonsense_fails_alone() -> None:
    assert roll_out(TOLD) == dict.fromkeys("abc", rollout_plan.UPDATED)  # the control
    found = set()
    for told in lies(TOLD):
        try:
            results = roll_out(told)
        except rollout_steps.Refused as refused:
            assert refused.told["reason"] in ("drift", "locked"), (told, refused)
            continue
        assert {results["a"], results["b"]} == {rollout_plan.UPDATED}, (told, results)
        found.add(results["c"])
    assert found == {rollout_plan.UPDATED, rollout_plan.UNCHANGED, rollout_plan.FAILED}
