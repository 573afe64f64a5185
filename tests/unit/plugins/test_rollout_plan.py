# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who comes when in a rollout, what counts as drift, and whether it goes on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_plan as plan
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_plan import Look

TEN = [f"h{number}" for number in range(10)]


def now(revision: int = 1, image: str = "web:1", state: str = "running") -> dict[str, Any]:
    return {"revision": revision, "created_at": "then", "images": [image], "state": state}


def record(revision: int = 1, **more: Any) -> dict[str, Any]:
    left = {"rollout": "r", "run": "1", "stage": "good", "complete": True, "running": True}
    return {**left, "revision": revision, "created_at": "then", **more}


def look(known: Any = None, left: Any = None, actions: tuple[str, ...] = ("prepare",)) -> Look:
    there, recorded = ({"web": one} if one else {} for one in (known, left))
    return Look(there, recorded, {"web": list(actions)})


@pytest.mark.parametrize(
    ("given", "total", "least", "found"),
    [(2, 10, 0, 2), ("2", 10, 0, 2), ("25%", 10, 0, 2), ("1%", 10, 1, 1), ("1%", 10, 0, 0)],
)
def test_amounts(given: Any, total: int, least: int, found: int) -> None:
    assert plan.amount(given, total, "x", least=least) == found


@pytest.mark.parametrize("given", ["many", "-1", "101%", True, None, "1.5"])
def test_what_is_no_amount_is_refused(given: Any) -> None:
    with pytest.raises(plan.PlanError, match="neither a number nor a percentage"):
        plan.amount(given, 10, "x")


@pytest.mark.parametrize(
    ("canary", "sizes", "done", "found"),
    [
        (1, ["30%"], 0, [1, 3, 3, 3]),
        (0, [1, "50%"], 0, [0, 1, 5, 4]),
        ("20%", "100%", 0, [2, 8]),
        (2, ["100%"], 1, [1, 9]),  # one canary did well before the controller was killed
        (1, ["100%"], 1, [0, 10]),
        (20, ["1"], 0, [10]),
        (["h3", "small"], ["100%"], 0, [3, 7]),
    ],
)
def test_hosts_are_cut_into_batches(canary: Any, sizes: Any, done: int, found: list[int]) -> None:
    groups = {"all": TEN, "small": ["h8", "h9"]}
    first, batches = plan.split(TEN, canary, sizes, groups, done)
    assert [len(first), *map(len, batches)] == found
    assert sorted([*first, *(host for batch in batches for host in batch)]) == TEN


def test_a_canary_that_nobody_knows_is_refused() -> None:
    with pytest.raises(plan.PlanError, match="'elsewhere' is no host and no group"):
        plan.split(TEN, ["elsewhere"], "100%", {"all": TEN})


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (look(now(), record()), ""),
        (look(now(2), record()), "changed"),
        (look({**now(), "created_at": "later"}, record()), "changed"),  # made anew
        (look(None, record()), "gone"),
        (look(None, record(0)), ""),
        (look(now(state="exited"), record()), "stopped"),
        (look(now(), None), ""),
        (look(now(2), record(stage="pending")), ""),  # our own, killed on the way
        (look(now(2), record(), ()), ""),  # what is desired already is nobody's harm
    ],
)
def test_drift(seen: Look, kind: str) -> None:
    assert [one.kind for one in plan.drift("a", seen)] == ([kind] if kind else [])


def test_hosts_disagree_unless_a_rollout_explains_it() -> None:
    def found(*looks: Look) -> list[str]:
        return [one.text for one in plan.disagreements(dict(zip("abcd", looks)))]

    same = look(now())
    other = look(now(image="web:2"))
    assert found(same, same) == []
    assert found(same, same, other) == ["hosts disagree on pod web: web:1 on a, b; web:2 on c"]
    unfinished = look(now(image="web:2"), record(complete=False))
    assert found(same, unfinished) == []
    done = look(now(image="web:2"), actions=())
    assert found(same, done) == []
    assert found(same, look()) == []  # a host that is new
    mixed = look(now(image="web:2"), record()), look(now(), record())
    assert found(*mixed) == []  # as the operator of that one rollout wanted it
    assert found(mixed[0], look(now(), record(run="2"))) != []


@pytest.mark.parametrize(("accept", "left"), [(False, 2), (True, 0), ("true", 0), (["a"], 1)])
def test_drift_is_accepted_for_all_hosts_or_some(accept: Any, left: int) -> None:
    found = [plan.Drift(host, "web", "changed", "") for host in "ab"]
    assert len(plan.accepted(found, accept)) == left


@pytest.mark.parametrize(
    ("failed", "allowed", "policy", "canary", "stops", "back", "everywhere"),
    [
        ([], 0, "host", False, False, [], False),
        (["a"], 0, "host", False, True, ["a"], False),
        (["a"], 1, "host", False, False, ["a"], False),
        (["a"], 1, "host", True, True, ["a"], False),  # no canary may fail
        (["a"], 0, "batch", False, True, ["a", "b"], False),
        (["a"], 1, "batch", False, False, ["a"], False),
        (["a"], 0, "all", False, True, ["a", "b"], True),
        (["a"], 0, "none", False, True, [], False),
    ],
)
def test_a_batch_is_judged(
    failed: list[str],
    allowed: int,
    policy: str,
    canary: bool,
    stops: bool,
    back: list[str],
    everywhere: bool,
) -> None:
    found = plan.judge(["a", "b"], failed, len(failed), allowed, policy, canary=canary)
    assert (bool(found.stop), found.rollback, found.everywhere) == (stops, back, everywhere)
