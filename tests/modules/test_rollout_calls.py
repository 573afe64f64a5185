# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout asks of a host: how many programs it starts there. Processor time is printed, not judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import Fleet
from tests.support import aci
from tests.support.agent import Agent
from tests.support.paths import AGENT

pytestmark = pytest.mark.timeout(1500)
Publish = Callable[..., Path]
PYTHON = """#!/bin/sh
/usr/bin/python3 "$@"
code=$?
{{ echo python; times; }} >> {log}
exit $code
"""
PROGRAM = """#!/bin/sh
echo "agent $*" >> {log}
exec {agent} "$@"
"""


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Two hosts that write down what is started on them."""
    agent.trust(lab.key, "example.com")
    published("1.0", app=aci.app(["/bin/sh", "-c", "exec sleep 3600"]))
    made = Fleet(agent.host, tmp_path / "fleet", ("a", "b"), agent.local).prepare()
    inventory = json.loads((made.base / "inventory.json").read_text())
    for name, known in inventory["all"]["hosts"].items():
        log = made.base / f"calls-{name}"
        for what, text in (("python", PYTHON), ("agent", PROGRAM)):
            path = made.base / f"{what}-{name}"
            path.write_text(text.format(log=log, agent=AGENT))
            path.chmod(0o755)
        known["ansible_python_interpreter"] = str(made.base / f"python-{name}")
        known["podwright_rollout_agent_path"] = str(made.base / f"agent-{name}")
    (made.base / "inventory.json").write_text(json.dumps(inventory))
    yield made
    made.stop()


def pods(environment: str) -> list[dict[str, object]]:
    return [
        {
            "name": "web",
            "image": "example.com/tiny:1.0",
            "net": "none",
            "ready": {"seconds": 0.1},
            "environment": {"X": environment},
        }
    ]


def seconds(clock: str) -> float:
    minutes, _, rest = clock.rstrip("s").partition("m")
    return 60 * float(minutes) + float(rest)


def calls(fleet: Fleet, name: str) -> tuple[list[str], float]:
    """What was started on a host since the last look, and the processor seconds of all of it."""
    log = fleet.base / f"calls-{name}"
    lines = log.read_text().splitlines()
    log.unlink()
    told = [line.partition(" --data")[0] for line in lines if line.startswith(("python", "agent"))]
    # times(1p): the second line is that of the children.
    spent = [lines[at + 2] for at, line in enumerate(lines) if line == "python"]
    return told, sum(seconds(clock) for line in spent for clock in line.split())


def test_a_host_is_asked_few_times(fleet: Fleet) -> None:
    """Look, stage, switch with its gate, confirm, finish; where there is nothing to do, a look is all."""
    for turn, environment, modules, agents in (
        ("first", "1", 5, 9),
        ("update", "2", 5, 7),
        ("no change", "2", 1, 2),
    ):
        done = fleet.roll(pods(environment))
        assert done.exit == 0, done.stdout
        told, spent = calls(fleet, "b")
        print(turn, f"{spent:.2f} s", told)
        assert told.count("python") <= modules, told
        assert len(told) - told.count("python") <= agents, told
