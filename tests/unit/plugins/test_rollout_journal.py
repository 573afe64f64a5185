# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's journal of a rollout: which runs live, which are dead, and what is damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_journal
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_journal import (
    Busy,
    Journal,
    JournalError,
    Process,
)

WEB: dict[str, Any] = {"rollout": "web", "since": "then", "owner": "me", "lease": 3600}


def test_a_journal_tells_runs_that_live_from_those_that_are_dead(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "new"), "web")
    me = Process.of(os.getpid())
    killed = me._replace(start="killed long ago")
    assert me.alive and not killed.alive
    journal.begin("1", WEB, me)
    assert journal.ended() == []
    with pytest.raises(Busy, match="running on this controller since then"):
        journal.begin("2", WEB, me)
    with pytest.raises(Busy):
        journal.refuse_second(force=True)  # it certainly lives
    journal.note("1", {**WEB, "state": "done"}, me)
    journal.refuse_second()
    journal.begin("2", WEB, killed)
    assert journal.ended() == ["1", "2"]
    journal.begin("3", WEB, me)
    with pytest.raises(Busy):
        journal.note("2", {**WEB, "state": "done"}, killed)  # the killed one wakes up
    assert Journal(str(tmp_path / "new"), "other").ended() == ["1", "2"]


@pytest.mark.parametrize("where", ["otherhost 1 pid:[4026531836]", ""])
def test_a_run_on_another_machine_counts_as_alive_until_its_locks_end(
    tmp_path: Path, where: str
) -> None:
    """Its process cannot be seen from here, where another one may have its number."""
    journal = Journal(str(tmp_path), "web")
    me = Process.of(os.getpid())
    journal.begin("1", WEB, me._replace(where=where))
    assert journal.ended() == []
    with pytest.raises(Busy, match=r"running elsewhere since then, by me.*force_unlock=true"):
        journal.refuse_second()
    with pytest.raises(Busy):
        journal.begin("2", WEB, me)
    journal.refuse_second(force=True)
    told = json.loads(Path(journal.path).read_text())
    Path(journal.path).write_text(json.dumps({**told, "seen": told["seen"] - WEB["lease"]}))
    journal.refuse_second()
    assert journal.ended() == ["1"]
    journal.begin("2", WEB, me)


def test_a_reboot_ends_a_run_of_the_same_machine(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "web")
    me = Process.of(os.getpid())
    journal.begin("1", WEB, me._replace(start=f"another-boot {me.start.split()[1]}"))
    journal.refuse_second()
    assert journal.ended() == ["1"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 2}', "null"])
def test_a_run_writes_its_journal_anew_when_somebody_has_damaged_or_removed_it(
    tmp_path: Path, text: str
) -> None:
    journal = Journal(str(tmp_path), "web")
    me = Process.of(os.getpid())
    journal.begin("1", WEB, me)
    Path(journal.path).write_text(text)
    if not text:
        Path(journal.path).unlink()
    journal.note("1", {**WEB, "at": "batch 1"}, me)
    assert journal.read()["at"] == "batch 1"
    with pytest.raises(Busy):
        journal.refuse_second()


def lies() -> Iterator[object]:
    """A journal with something missing or of another kind."""
    sound = {"format": 1, "run": "1", "state": "running", "pid": 1, "start": "", "where": "",
             "seen": 1, "earlier": [], **WEB}  # fmt: skip
    yield sound
    for name in sound:
        if name != "format":
            yield {key: sound[key] for key in sound if key != name}
            yield {**sound, name: [1] if name == "earlier" else None}


def test_a_journal_without_what_is_read_of_it_is_damaged_and_others_go_on(tmp_path: Path) -> None:
    journal, other = Journal(str(tmp_path), "web"), Journal(str(tmp_path), "other")
    found = []
    for told in lies():
        Path(journal.path).write_text(json.dumps(told))
        try:
            journal.refuse_second()
            found.append(told)
        except JournalError as error:
            assert "is damaged; remove it" in str(error)
        assert other.ended() == (["1"] if found == [told] else [])
        other.refuse_second()
    assert len(found) == 1  # the sound one


def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "web")
    (tmp_path / "web.json.new").mkdir()
    with pytest.raises(JournalError, match=r"cannot be written .*; podwright_rollout_journal"):
        journal.begin("1", WEB, Process.of(os.getpid()))
    assert journal.read() == {}


@pytest.mark.parametrize("name", ["", "../x", "a b", "-x", "x" * 64])
def test_names_that_are_no_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(JournalError, match="is no name"):
        Journal(str(tmp_path), name)


def test_a_journal_that_cannot_be_read_stops_the_rollout(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text("{")
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(str(tmp_path), "web").refuse_second()
    assert rollout_journal.default_directory().endswith("podwright/rollouts")
