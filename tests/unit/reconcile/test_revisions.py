# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions of a named pod: what is kept of each, and for how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import StoreError, UsageError
from podwright.host.paths import Layout
from podwright.reconcile import history, revisions
from podwright.reconcile.revisions import FAILED, READY, ROLLED_BACK, Result, Revision
from podwright.stage0 import pods

SETTINGS = {"keep_revisions": 2}


def revision(number: int, outcome: str) -> Revision:
    return Revision(number, "", {}, {}, {}, "", result=Result(outcome))


@pytest.mark.parametrize(
    "outcomes, current, keep, gone",
    [
        ("r", 1, 3, []),
        ("rrr", 3, 3, []),
        ("rrrr", 4, 3, [1]),
        ("rrrr", 4, 1, [1, 2, 3]),
        ("rrrr", 1, 2, [2, 3]),
        ("rfr", 3, 2, []),
        ("rffffr", 6, 2, [2, 3]),
        ("ffff", 4, 1, [1, 2]),
    ],
)
def test_good_ones_are_kept_and_as_many_of_those_that_failed(
    outcomes: str, current: int, keep: int, gone: list[int]
) -> None:
    kinds = {"r": READY, "f": ROLLED_BACK}
    kept = [revision(number, kinds[kind]) for number, kind in enumerate(outcomes, 1)]
    assert revisions.expired(kept, current, keep) == gone


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(data=str(tmp_path))


def made(layout: Layout, text: str, source: int = 0) -> Revision:
    one = revisions.add(layout, "web", {"text": text}, SETTINGS, {"a": "x:1"}, "u", source)
    revisions.switch(layout, "web", one.number)
    return one


def test_what_became_of_a_revision_is_read_back(layout: Layout) -> None:
    first = made(layout, "first")
    assert revisions.current(layout, "web") == first
    assert first.result.outcome == ""
    revisions.conclude(layout, "web", 1, READY)
    told = revisions.read(layout, "web", 1)
    assert told is not None and told.result.outcome == READY and told.result.time
    revisions.conclude(layout, "web", 1, READY)
    assert revisions.read(layout, "web", 1) == told, "said once"
    made(layout, "second")
    revisions.conclude(layout, "web", 2, FAILED, "it ended", "instance-2")
    assert revisions.failed_instances(layout, "web") == {"instance-2"}
    (one, two) = history.of(layout, "web")
    assert (one["current"], two["current"]) == (False, True)
    assert (two["outcome"], two["why"], two["uuid"]) == (FAILED, "it ended", "instance-2")


def test_the_one_to_go_back_to_worked_and_was_different(layout: Layout) -> None:
    made(layout, "first")
    with pytest.raises(UsageError, match="has no earlier revision"):
        history.previous(layout, "web")
    for text, outcome in (("second", FAILED), ("third", READY), ("third", READY)):
        revisions.conclude(layout, "web", made(layout, text).number, outcome)
    revisions.conclude(layout, "web", 1, READY)
    assert history.previous(layout, "web") == 1
    revisions.prune(layout, "web")
    assert revisions.numbers(layout, "web") == [2, 3, 4], "1 other one that worked, 2 that failed"
    with pytest.raises(UsageError, match="revision 1 is not kept") as caught:
        history.chosen(layout, "web", 1)
    assert caught.value.hint == "there are: 2, 3, 4"
    back = made(layout, "third", source=3)
    assert (back.by, back.source, back.number) == ("rollback", 3, 5)


def test_a_revision_of_an_older_agent_is_read_as_one_that_worked(layout: Layout) -> None:
    made(layout, "first")
    path = Path(layout.named) / "web/revisions/1.json"
    path.write_text(
        '{"format":1,"revision":1,"created":"t","runtime":{},"settings":{},"images":{},"uuid":"u"}'
    )
    found = revisions.current(layout, "web")
    assert found is not None and (found.result.outcome, found.by) == (READY, "apply")


def test_the_current_revision_is_the_pod_of_now(layout: Layout) -> None:
    """It showed the first instance for ever, which the next start removes."""
    made(layout, "first")
    revisions.conclude(layout, "web", 1, READY)
    pod = pods.create(layout)
    pod.close()
    revisions.set_instance(layout, "web", pod.uuid)
    (one,) = history.of(layout, "web")
    assert (one["uuid"], one["pod_state"]) == (pod.uuid, "aborted prepare")
    made(layout, "second")
    one, two = history.of(layout, "web")
    assert (one["uuid"], one["pod_state"]) == ("u", "gone")
    assert two["uuid"] == pod.uuid


DAMAGED: list[dict[str, Any]] = [
    *({"revision": "1"}, {"runtime": None}, {"settings": []}, {"images": 1}, {"uuid": []}),
    *({"result": []}, {"result": {"why": 1}}, {"source": None}, {"versions": []}),
    *({"images": {"a": 1}}, {"format": 2}),
]


def change(layout: Layout, number: int, members: dict[str, Any]) -> None:
    """Put other members into a revision."""
    path = Path(layout.named, f"web/revisions/{number}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))


@pytest.mark.threat("T92")
@pytest.mark.parametrize("damage", DAMAGED)
def test_an_old_revision_that_is_damaged_is_passed_over(
    layout: Layout, damage: dict[str, Any]
) -> None:
    made(layout, "first")
    second = made(layout, "second")
    change(layout, 1, damage)
    assert revisions.every(layout, "web") == [second]
    assert revisions.damaged(layout, "web") == [1]
    revisions.prune(layout, "web")
    assert revisions.failed_instances(layout, "web") == set()
    with pytest.raises(StoreError) as caught:
        revisions.read(layout, "web", 1)
    assert caught.value.hint in ("remove the pod and apply it again", "upgrade the agent")


@pytest.mark.threat("T92")
def test_what_a_newer_agent_adds_is_passed_over(layout: Layout) -> None:
    one = made(layout, "first")
    change(layout, 1, {"result": {"outcome": "", "more": 1}, "another": {}})
    assert revisions.current(layout, "web") == one
