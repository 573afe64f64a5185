# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""rm and gc (behaviour.md B10): what is marked, what is kept, what is deleted, in a data directory."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from podwright.errors import LockedError, UsageError
from podwright.host.paths import Layout
from podwright.reconcile import revisions
from podwright.stage0 import collect, pods

UUID = "6733c088-a507-4694-aabf-a0bf93f1fd6b"
OTHER = "deadbeef-0000-4000-8000-000000000000"
HOUR = 3600.0


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(data=f"{tmp_path}/data", run=f"{tmp_path}/run")
    pods.ensure_directories(found)
    return found


def put(layout: Layout, directory: str, age: float = 0.0, uuid: str = UUID) -> Path:
    """A pod directory with a file in it, last changed `age` seconds ago."""
    path = Path(layout.pods, directory, uuid)
    path.mkdir()
    (path / "pod").write_text("{}")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def places(layout: Layout, uuid: str = UUID) -> list[str]:
    """The state directories in which the pod lies."""
    return [found.directory for found in pods.each(layout) if found.uuid == uuid]


def gc(layout: Layout, grace: float = 1800, expire: float = 24 * HOUR) -> collect.Collected:
    """Mark only, then everything; what the second step did."""
    return collect.collect(layout, grace, expire, False)


@pytest.mark.parametrize(
    "directory, age, goes_to",
    [
        ("run", 0, "exited-garbage"),
        ("prepare", 0, "garbage"),
        ("prepared", 25 * HOUR, "garbage"),
        ("prepared", 23 * HOUR, "prepared"),
        ("embryo", 120, "garbage"),
        ("embryo", 10, "embryo"),
        ("exited-garbage", 25 * HOUR, "exited-garbage"),
        ("garbage", 25 * HOUR, "garbage"),
    ],
)
def test_mark_only(layout: Layout, directory: str, age: float, goes_to: str) -> None:
    put(layout, directory, age)
    done = collect.collect(layout, 0, 24 * HOUR, True)
    assert places(layout) == [goes_to]
    assert done.marked == ((UUID,) if goes_to != directory else ())
    assert (done.removed, done.problems) == ((), ())


@pytest.mark.parametrize("directory", ["run", "prepare", "prepared", "exited-garbage", "garbage"])
def test_what_is_locked_stays(layout: Layout, directory: str) -> None:
    put(layout, directory, 48 * HOUR)
    pod = pods.get(layout, UUID)
    assert pod is not None
    held = pods.lock(layout, pod)
    done = gc(layout, 0, 0)
    assert places(layout) == [directory]
    assert (done.marked, done.removed, done.problems) == ((), (), ())
    held.close()


def test_garbage_is_kept_for_the_grace_period_that_begins_with_the_mark(layout: Layout) -> None:
    put(layout, "run", 48 * HOUR)
    done = gc(layout, grace=1800)
    assert (done.marked, done.removed) == ((UUID,), ())
    assert places(layout) == ["exited-garbage"]
    then = time.time() - 1801
    os.utime(Path(layout.pods, "exited-garbage", UUID), (then, then))
    done = gc(layout, grace=1800)
    assert (done.marked, done.removed) == ((), (UUID,))
    assert places(layout) == []


def test_a_pod_that_a_named_pod_is_going_to_start_does_not_expire(layout: Layout) -> None:
    put(layout, "prepared", 48 * HOUR)
    revision = revisions.add(layout, "web", {}, {}, {}, UUID)
    revisions.switch(layout, "web", revision.number)
    assert gc(layout).marked == ()
    assert places(layout) == ["prepared"]


def test_one_damaged_named_pod_does_not_end_the_collection(layout: Layout) -> None:
    put(layout, "run")
    revision = revisions.add(layout, "web", {}, {}, {}, OTHER)
    revisions.switch(layout, "web", revision.number)
    Path(layout.named, "web", "current").write_text("{")
    done = gc(layout)
    assert done.marked == (UUID,)
    assert len(done.problems) == 1 and "web/current" in done.problems[0]


@pytest.mark.parametrize(
    "directory", ["run", "prepare", "prepared", "exited-garbage", "garbage", "embryo"]
)
def test_rm(layout: Layout, directory: str) -> None:
    put(layout, directory)
    pod = pods.get(layout, UUID)
    assert pod is not None
    collect.remove(layout, pod)
    assert places(layout) == []


def test_a_running_pod_is_not_removed(layout: Layout) -> None:
    path = put(layout, "run")
    before = pods.get(layout, UUID)
    assert before is not None
    held = pods.lock(layout, before)
    now = pods.get(layout, UUID)
    assert now is not None
    with pytest.raises(UsageError) as caught:
        collect.remove(layout, now)
    assert caught.value.sentence() == (
        f"pod {UUID} is running; stop it first: podwright stop {UUID}"
    )
    with pytest.raises(LockedError):
        collect.remove(layout, before)  # it was started after it was looked up
    assert (path / "pod").exists()
    held.close()
