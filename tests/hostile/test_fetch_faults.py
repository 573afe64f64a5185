# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fetch that is killed, or runs out of something, at any of its steps: all or nothing, and a rerun gets there.

T82 (kill -9), T84 (no space), T87 (input/output errors); container images are in tests/agent/test_oci_crash.py.
`make crash-tests` looks at every step, `make test` at a sample.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.thorough import THOROUGH

STRIDE = int(os.environ.get("PODWRIGHT_FETCH_STRIDE", "11" if THOROUGH else "101"))
"""Every how many steps a fetch is killed; `make crash-tests` sets 1. Errors come at a fourth of these places."""
ON = {"imageName": "example.com/tiny", "labels": [{"name": "version", "value": "1.0"}]}
KINDS = ("aci", "dependent")
Publish = Callable[..., Path]


@pytest.fixture
def command(
    request: pytest.FixtureRequest, agent: Agent, published: Publish, lab: Keys
) -> list[str]:
    """A fetch of a signed ACI, or of one that is built on another."""
    agent.trust(lab.key, "example.com")
    published()
    if request.param == "dependent":
        published(name="example.com/upper", dependencies=[ON])
        return ["fetch", "example.com/upper:1.0"]
    return ["fetch", "example.com/tiny:1.0"]


def count(agent: Agent, tmp_path: Path, command: list[str]) -> int:
    """How many state-changing calls the fetch makes in an empty store."""
    counted = tmp_path / "steps"
    agent(*command, env={"PODWRIGHT_FAULT": f"count@{counted}"}).check()
    empty(agent)
    return len(counted.read_text().splitlines())


def empty(agent: Agent) -> None:
    """Remove every image; nothing of them may be left."""
    images = json.loads(agent.ok("image", "list", "--format=json"))
    for image in reversed(images):
        agent("image", "rm", image["id"])
    for image in images:
        agent("image", "rm", image["id"])
    agent.ok("gc", "--grace-period=0s")
    for directory in ("tmp", "cas/image", "cas/ref/name"):
        assert os.listdir(agent.data / directory) == [], directory


def whole(agent: Agent) -> None:
    """Whatever is listed is as it was made."""
    if json.loads(agent.ok("image", "list", "--format=json")):
        agent.ok("image", "verify", "--all")


@pytest.mark.threat("T82")
@pytest.mark.parametrize("command", KINDS, indirect=True)
def test_a_fetch_killed_anywhere_is_all_or_nothing(
    agent: Agent, command: list[str], tmp_path: Path
) -> None:
    total = count(agent, tmp_path, command)
    assert total > 15
    for number in range(1, total + 1, STRIDE):
        killed = agent(*command, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        assert killed.exit in (-9, 137) or killed.exit == 0, (number, killed)
        whole(agent)
        agent.ok(*command)
        whole(agent)
        empty(agent)


@pytest.mark.threat("T84", "T87")
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EROFS", "EMFILE"])
@pytest.mark.parametrize("command", KINDS, indirect=True)
def test_a_step_of_a_fetch_that_fails_is_one_sentence_and_changes_nothing(
    agent: Agent, command: list[str], tmp_path: Path, fault: str
) -> None:
    total = count(agent, tmp_path, command)
    for number in range(1, total + 1, 4 * STRIDE):
        failed = agent(*command, env={"PODWRIGHT_FAULT": f"{fault}@{number}"})
        said = [line for line in failed.stderr.splitlines() if line.startswith("podwright: ")]
        assert failed.exit in (0, 254), (number, failed)
        assert "Traceback" not in failed.stderr and "internal error" not in failed.stderr, number
        assert len(said) == (failed.exit == 254), (number, failed)
        whole(agent)
        agent.ok(*command)
        whole(agent)
        empty(agent)
