# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain leaves on the host goes once nobody holds it, and the domain with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.stage1.xen import leaving, place, xl

UUID = "6f9d1d4c-7f0e-4f6a-9d58-0f6d6f3a1b2c"
OTHER = "0c4b1d7e-2a5f-4f0d-8d0f-9b8c7d6e5f4a"


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(tmp_path / "run")


def names(run: str) -> list[str]:
    return sorted(os.listdir(f"{run}/xen"))


def toolstack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> Path:
    """A program in the place of xl: it writes down what it is asked for, and knows one domain."""
    told = tmp_path / "told"
    line = f"podwright-{UUID} 7 256 1 {state} 0.1"
    program = tmp_path / "xl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {told}\n[ "$1" = list ] || exit 0\necho Name ID Mem VCPUs State Time\n'
        + (f'echo "{line}"\n' if state else "exit 1\n")
    )
    program.chmod(0o755)
    monkeypatch.setattr(xl, "PLACES", (str(program),))
    return told


def test_what_is_held_stays(run: str) -> None:
    held = place.Place(UUID, run)
    held.record(7)
    assert place.sweep(run) == []
    assert names(run) == [UUID, f"{UUID}.lock"]
    os.close(held.lock)


def test_a_domain_that_nobody_holds_is_destroyed(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = toolstack(tmp_path, monkeypatch, "-b----")
    removed: list[int] = []
    monkeypatch.setattr(leaving, "remove_nodes", removed.append)
    gone, held = place.Place(UUID, run), place.Place(OTHER, run)
    gone.record(7)
    os.close(gone.lock)
    assert place.sweep(run) == [UUID]
    assert names(run) == [OTHER, f"{OTHER}.lock"]
    assert told.read_text().splitlines() == [
        f"{verb} podwright-{UUID}" for verb in ("list", "destroy")
    ]
    assert removed == [7]
    os.close(held.lock)


def test_a_domain_that_has_ended_is_not(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = toolstack(tmp_path, monkeypatch, "")
    gone = place.Place(UUID, run)
    os.close(gone.lock)
    place.end(UUID, run)
    assert names(run) == []
    assert told.read_text().splitlines() == [f"list podwright-{UUID}"]


def test_nothing_is_there(run: str) -> None:
    assert place.sweep(run) == []
    place.end(UUID, run)


def test_what_is_not_ours_stays(run: str) -> None:
    os.makedirs(f"{run}/xen")
    Path(f"{run}/xen/notes.lock").touch()
    assert place.sweep(run) == []
    assert names(run) == ["notes.lock"]


@pytest.mark.parametrize(("state", "found"), [("-b----", "-b----"), ("---s--", "---s--"), ("", "")])
def test_the_state_of_a_domain(
    state: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolstack(tmp_path, monkeypatch, state)
    assert xl.state(f"podwright-{UUID}") == found
