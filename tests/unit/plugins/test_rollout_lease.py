# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases on a host: who gets them, for how long, and who never again."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import rollout_state
from ansible_collections.podwright.fleet.plugins.module_utils.rollout_state import Claim, State


def claim(run: str, **more: Any) -> Claim:
    return Claim("r", run, f"somebody of {run}", **{"seconds": 60, **more})


def test_a_lease_is_of_one_run_until_it_is_given_back(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    assert state.claim(["web", "db"], claim("1")) is None
    assert state.claim(["web"], claim("1")) is None  # renewed
    other = state.claim(["mail", "db"], claim("2"))
    assert other is not None
    assert (other["pod"], other["owner"]) == ("db", "somebody of 1")
    assert state.claim(["mail"], claim("2")) is None  # another pod, another rollout
    state.release(claim("1"))
    assert state.claim(["db", "web"], claim("2")) is None
    assert os.stat(state.directory).st_mode & 0o777 == 0o700


def _claims(path: str, run: str) -> bool:
    return State(path).claim(["web", "db"], claim(run)) is None


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        got = list(pool.map(_claims, [str(tmp_path)] * 16, map(str, range(16))))
    assert got.count(True) == 1


def test_who_was_taken_over_from_never_gets_it_again(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.claim(["web"], claim("1"))
    assert state.claim(["web"], claim("2", takes_over=("1",))) is None
    state.release(claim("2"))
    back = state.claim(["web"], claim("1"))
    assert back is not None and back["owner"] == "somebody of 2"
    state.claim(["web"], claim("3"))
    assert state.claim(["web"], claim("4", force=True)) is None
    assert state.claim(["web"], claim("3", force=True)) is not None


def test_what_a_dead_run_holds_is_given_back_with_ones_own(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.claim(["web"], claim("dead"))
    state.claim(["db"], claim("alive"))
    state.release(claim("2", takes_over=("dead",)))
    assert list(state.read()["leases"]) == ["db"]


@pytest.mark.parametrize(
    ("now", "held"), [(1000, True), (1059, True), (1060, False), (2000, False), (900, False)]
)
def test_a_lease_ends_by_itself_whatever_the_clock_does(now: float, held: bool) -> None:
    leases = {"web": {"run": "1", "since": 1000, "expires": 1060}}
    assert bool(rollout_state.holder(leases, ["web"], claim("2"), now)) is held


def test_a_state_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    state = State(str(tmp_path))
    state.claim(["web"], claim("1"))
    for text in ("{", json.dumps({"format": 2})):
        Path(state.path).write_text(text)
        with pytest.raises(rollout_state.StateError):
            state.claim(["web"], claim("1"))
        assert Path(state.path).read_text() == text
