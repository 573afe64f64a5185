# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Damaged, newer and misdated state: no pod is lost, none is in the way of others (threats.md T91, T92)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.test_crash import leftovers
from tests.agent.test_killed_in_teardown import GC
from tests.agent.test_run_again import run
from tests.conftest import Keys
from tests.support.agent import Agent

pytestmark = pytest.mark.threat("T92")
IMAGE = "example.com/tiny"
DAMAGE = {
    "empty": b"",
    "cut": b'{"pid": 12, "sta',
    "garbage": b"\x00\xff\x1b[31m\n" * 40,
    "null": b"null",
    "list": b"[1, 2]",
    "newer": b'{"format": 99, "what": {"this": "is"}}',
    "deep": b"[" * 100_000,
}
FILES = (
    *("pod", "pod-created", "runtime-config", "started-at", "exited", "init", "pid", "ppid"),
    *("private-users-prepared", "appsinfo/tiny/manifest"),
)


@pytest.fixture
def stored(agent: Agent, signed_image: Callable[..., Path], lab: Keys) -> Agent:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    return agent


def quiet(agent: Agent, *words: str, status: tuple[int, ...] = (0,)) -> str:
    """Run a verb, which must neither stumble nor show raw bytes; what it printed."""
    done = agent(*words)
    said = done.stdout + done.stderr
    assert done.exit in status, (words, done)
    assert "Traceback" not in said and "internal error" not in said, (words, done)
    assert "\x1b" not in said and "\x00" not in said, (words, done)
    return done.stdout


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_of_an_ended_pod_are_in_nobodys_way(
    stored: Agent, tmp_path: Path, damage: str
) -> None:
    uuid = run(stored, "--net=none")
    pod = stored.data / "pods/run" / uuid
    other = run(stored, "--net=none")
    for files in (FILES[1:], FILES):
        for name in files:
            (pod / name).write_bytes(DAMAGE[damage])
        listed = json.loads(quiet(stored, "list", "--format=json"))
        assert {one["name"] for one in listed} == {uuid, other}
        quiet(stored, "list")
        assert json.loads(quiet(stored, "status", "--format=json", uuid))["state"] == "exited"
        quiet(stored, "status", uuid)
        quiet(stored, "cat-manifest", uuid, status=(0, 254))
        quiet(stored, "stop", uuid, status=(0, 254))
    quiet(stored, "export", uuid, str(tmp_path / "out.aci"), status=(0, 254))
    quiet(stored, "gc")
    quiet(stored, *GC)
    assert leftovers(stored) == [], "nothing keeps it from being removed"


@pytest.mark.parametrize("damage", ["empty", "garbage", "newer", "deep"])
def test_a_prepared_pod_with_a_damaged_configuration_is_refused_and_kept(
    stored: Agent, damage: str
) -> None:
    uuid = stored.ok("prepare", "--quiet", IMAGE, "--exec=/bin/true").strip()
    config = stored.data / "pods/prepared" / uuid / "runtime-config"
    whole = config.read_bytes()
    config.write_bytes(DAMAGE[damage])
    said = stored.refused("run-prepared", "--net=none", uuid)
    assert "\x1b" not in said
    assert config.read_bytes() == DAMAGE[damage], "left as it is"
    assert "state=prepared" in stored.ok("status", uuid)
    config.write_bytes(whole)
    assert stored("run-prepared", "--net=none", uuid).exit == 0


def test_a_store_of_a_newer_agent_is_refused_and_left_as_it_is(stored: Agent) -> None:
    uuid = run(stored, "--net=none")
    (stored.data / "version").write_text('{"format": 99}')
    before = sorted(str(path) for path in stored.data.rglob("*"))
    for words in (("fetch", IMAGE), ("run", IMAGE), ("prepare", IMAGE), ("image", "list")):
        assert "format 99" in stored.refused(*words), words
    stored(*GC)
    assert (
        (stored.data / "pods/run" / uuid).exists()
        or (stored.data / "pods/exited-garbage" / uuid).exists()
        or sorted(str(path) for path in stored.data.rglob("*")) == before
    )


@pytest.mark.parametrize("years", [-10, -1, 1, 10])
def test_when_the_clock_was_set_pods_are_neither_lost_nor_kept_for_ever(
    stored: Agent, years: int
) -> None:
    """Their times are moved, which is the same to the agent as a clock that was."""
    moved = years * 365 * 86400
    ended, prepared = run(stored, "--net=none"), stored.ok("prepare", "--quiet", IMAGE).strip()
    stored.ok("gc", "--mark-only")
    paths = [
        stored.data / "pods/exited-garbage" / ended,
        stored.data / "pods/prepared" / prepared,
    ]
    for path in paths:
        now = path.stat().st_mtime
        os.utime(path, (now + moved, now + moved))
    quiet(stored, "gc", "--grace-period=30m", "--expire-prepared=24h")
    if years < 0:  # long ago
        assert not paths[0].exists() and not paths[1].exists()
        return
    assert paths[0].exists() and paths[1].exists()
    for path in paths:  # counted from now on
        assert abs(path.stat().st_mtime - path.parent.stat().st_mtime) < 3600
    quiet(stored, "status", ended)
    quiet(stored, *GC)
    assert leftovers(stored) == []


def test_a_pod_that_ran_in_an_earlier_boot_is_not_taken_for_running(
    stored: Agent, tmp_path: Path
) -> None:
    uuid = run(stored, "--net=none", exit=3)
    pod = stored.data / "pods/run" / uuid
    (pod / "exited").unlink()  # the power went: nobody wrote how it ended
    record = json.loads((pod / "init").read_text())
    record["boot_id"] = "00000000-0000-0000-0000-000000000000"
    (pod / "init").write_text(json.dumps(record))
    seen = json.loads(stored.ok("status", "--format=json", uuid))
    assert seen["state"] == "exited" and seen["finished_at"] is None
    assert seen["exit_reason"] == "unknown" and seen["exit_status"] is None
    again = stored("run-prepared", uuid)
    assert again.stdout == "2\ntiny\n"
    assert "the host was started anew since the pod ended" in again.stderr
    (life,) = json.loads(stored.ok("status", "--format=json", uuid))["lives"]
    assert life["finished_at"] is None and life["exit_status"] is None
