# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook rollout: canary, batches, gates, rollback, pauses, locks, drift, on a fleet of four."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import Fleet
from tests.support import aci
from tests.support.agent import Agent

Publish = Callable[..., Path]
TINY = "example.com/tiny"


@pytest.fixture
def fleet(agent: Agent, lab: Keys, published: Publish, tmp_path: Path) -> Iterator[Fleet]:
    """Four hosts that trust the key; versions 1.0 and 2.0 are good, 3.0 ends at once."""
    agent.trust(lab.key, "example.com")
    published("1.0")
    published("2.0")
    published("3.0", app=aci.app(["/bin/sh", "-c", "exit 9"]))
    made = Fleet(agent.host, tmp_path / "fleet", ("a", "b", "c", "d"), agent.local).prepare()
    yield made
    made.stop()


def web(version: str, **changes: Any) -> list[dict[str, Any]]:
    """The desired pods of a rollout."""
    body = {"name": "web", "image": f"{TINY}:{version}", "net": "none", "ready": {"seconds": 0.1}}
    return [{**body, **changes}]


def test_a_rollout_goes_from_canary_to_batches_and_a_second_run_changes_nothing(
    fleet: Fleet,
) -> None:
    done = fleet.roll(web("1.0"), batches=["50%"])
    print(done.stdout)
    assert done.exit == 0, done
    assert set(fleet.versions().values()) == {f"{TINY}:1.0"}
