# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ended pod runs again with what its apps wrote, on a new network; its earlier lives are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_crash import ledger, leftovers, settled
from tests.agent.test_killed_in_teardown import GC
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.network_lab import wait_until

IMAGE = "example.com/tiny"
Make = Callable[..., Path]
COUNT = "echo life >>/lives; wc -l </lives; rm -f /etc/passwd; echo $AC_APP_NAME; exit 3"


@pytest.fixture
def stored(agent: Agent, signed_image: Make, lab: Keys) -> Agent:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    return agent


def run(agent: Agent, *options: str, script: str = COUNT, exit: int = 3) -> str:
    """Run a pod to its end; its UUID."""
    saved = agent.data.parent / "uuid"
    words = ("--exec=/bin/sh", "--", "-c", script)
    done = agent("run", f"--uuid-file-save={saved}", *options, IMAGE, *words)
    assert done.exit == exit, done
    return saved.read_text().strip()


def status(agent: Agent, pod: str) -> dict[str, Any]:
    """What `status` says."""
    answer = json.loads(agent.ok("status", "--format=json", pod))
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    "options",
    [("--net=none",), ("--net=none", "--no-overlay"), ("--stage1-name=fly", "--net=host")],
    ids=["overlay", "copy", "fly"],
)
def test_what_the_app_wrote_is_there_in_the_next_life(
    stored: Agent, options: tuple[str, ...]
) -> None:
    uuid = run(stored, *options)
    first = status(stored, uuid)
    assert first["lives"] == [] and first["exit_status"] == 3
    for number in (2, 3):
        again = stored("run-prepared", uuid)
        assert (again.exit, again.stdout) == (3, f"{number}\ntiny\n"), again
    now = status(stored, uuid)
    assert now["state"] == "exited" and now["started_at"] > first["finished_at"]
    earlier = now["lives"]
    assert [life["exit_status"] for life in earlier] == [3, 3]
    assert earlier[0]["started_at"] == first["started_at"]
    assert earlier[0]["finished_at"] == first["finished_at"]
    assert earlier[0]["apps"] == {"tiny": 3}
    assert "life-2=started " in stored.ok("status", uuid)
    stored.ok("rm", uuid)
    stored.ok(*GC)
    assert leftovers(stored) == []


def test_a_pod_that_gc_has_marked_runs_again(stored: Agent) -> None:
    uuid = run(stored, "--net=none")
    stored.ok("gc", "--mark-only")
    assert status(stored, uuid)["state"] == "exited garbage"
    assert stored("run-prepared", uuid).stdout == "2\ntiny\n"
    assert status(stored, uuid)["state"] == "exited"


def test_a_killed_pod_runs_again_on_a_new_network(stored: Agent) -> None:
    before = ledger(stored)
    saved = stored.data.parent / "uuid"
    script = "echo up; test -e /again && exit 7; touch /again; sleep 3600"
    command = [*stored.command, "run", f"--uuid-file-save={saved}", IMAGE, "--exec=/bin/sh"]
    process = stored.host.popen([*command, "--", "-c", script])
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    uuid = saved.read_text().strip()
    path = stored.data / "pods/run" / uuid
    stored.host.run(["kill", "-9", (path / "ppid").read_text().strip()]).check()
    process.communicate(timeout=60)
    wait_until(lambda: status(stored, uuid)["state"] == "exited", "the killed pod does not end")
    ended = status(stored, uuid)
    assert ended["finished_at"] is None and ended["exit_reason"] == "unknown"
    assert ended["apps"][0]["exit_code"] is None and ended["apps"][0]["finished_at"] is None
    assert "finished=unknown" in stored.ok("status", uuid).splitlines()
    again = stored("run-prepared", uuid)
    assert (again.exit, again.stdout) == (7, "up\n"), again
    (life,) = status(stored, uuid)["lives"]
    assert life["started_at"] == ended["started_at"]
    assert life["finished_at"] is None and life["exit_status"] is None
    stored.ok(*GC)
    stored.ok(*GC)
    assert leftovers(stored) == []
    assert settled(stored, before) == before


def test_its_image_is_admitted_again(stored: Agent, lab: Keys) -> None:
    uuid = run(stored, "--net=none")
    key = stored.local / "trustedkeys/prefix.d/example.com" / lab.key.fingerprint.lower()
    key.unlink()
    said = stored.refused("run-prepared", uuid)
    assert "example.com/tiny" in said
    stored.trust(lab.key, "example.com")
    assert stored("run-prepared", uuid).stdout == "2\ntiny\n"


def test_bad_options_leave_the_ended_pod_as_it_was(stored: Agent) -> None:
    uuid = run(stored, "--net=none")
    before = status(stored, uuid)
    stored.refused("run-prepared", "--net=nowhere", uuid)
    assert status(stored, uuid) == before


def test_a_running_pod_does_not_run_a_second_time(stored: Agent) -> None:
    command = [*stored.command, "run", "--net=none", IMAGE, "--exec=/bin/sh", "--", "-c"]
    process = stored.host.popen([*command, "echo up; sleep 3600"])
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    (pod,) = json.loads(stored.ok("list", "--format=json"))
    assert "is running" in stored.refused("run-prepared", pod["name"])
    stored.ok("stop", "--force", pod["name"])
    process.communicate(timeout=60)


@pytest.mark.threat("T83")
def test_killed_at_any_step_of_being_put_away_it_runs_again(stored: Agent, tmp_path: Path) -> None:
    uuid = run(stored, "--net=none")
    counted = tmp_path / "steps"
    stored("run-prepared", uuid, env={"PODWRIGHT_FAULT": f"count@{counted}"})
    names = [line.split()[0] for line in counted.read_text().splitlines()]
    moved = names.index("chmod") if "chmod" in names else len(names)
    before = len(status(stored, uuid)["lives"])
    for number in range(1, min(moved, 40) + 1, 3):
        stored("run-prepared", uuid, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        state = status(stored, uuid)["state"]
        assert state in ("exited", "prepared", "running"), (number, state)
        wait_until(lambda: status(stored, uuid)["state"] != "running", "it does not end")
        again = stored("run-prepared", uuid)
        assert again.exit == 3 and again.stdout.endswith("\ntiny\n"), (number, again)
    lives = status(stored, uuid)["lives"]
    assert len(lives) > before
    numbers = [path.name for path in (stored.data / "pods/run" / uuid / "lives").iterdir()]
    assert sorted(map(int, numbers)) == list(range(1, len(lives) + 1))
