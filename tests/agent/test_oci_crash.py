# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 at the steps of a container image's fetch, and a full disk: a rerun succeeds, nothing half is listed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout

UNSIGNED = "--insecure-options=image"
STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "6"))
"""Every how many steps the fetch is killed; `make crash-tests` sets 1."""


@pytest.fixture
def argument(tmp_path: Path) -> str:
    """An image of four layers, one of which needs the one below it."""
    layout = OciLayout(tmp_path / "layout")
    contents: list[list[ocilayout.Member]] = [
        ocilayout.busybox_members(),
        [("etc/new", b"new")],
        [("a", None), ("a/b", b"x" * 300_000)],
        [("z", b"z")],
    ]
    layers = [layout.layer(members) for members in contents]
    layout.tag(layout.image(layers, {"Cmd": ["/bin/cat", "/etc/new", "/z"]}), "x")
    return f"oci:{layout.path}:x"


@pytest.mark.threat("T82")
def test_a_fetch_killed_anywhere_leaves_nothing_half(
    agent: Agent, argument: str, tmp_path: Path
) -> None:
    counted = tmp_path / "steps"
    command = [UNSIGNED, "fetch", "--full", argument]
    image_id = agent(*command, env={"PODWRIGHT_FAULT": f"count@{counted}"}).check().stdout
    total = len(counted.read_text().splitlines())
    assert total > 60
    trees = sorted(path.name for path in (agent.data / "cas/tree").iterdir())
    for number in range(1, total + 1, 2 * STRIDE if STRIDE > 1 else 1):
        agent.ok("image", "rm", image_id.strip())
        agent(*command, env={"PODWRIGHT_FAULT": f"kill@{number}"})
        agent.ok("image", "list", "--no-legend")
        assert agent.ok(*command) == image_id, number
        assert sorted(path.name for path in (agent.data / "cas/tree").iterdir()) == trees, number
        agent.ok("gc", "--grace-period=0s")
        assert list((agent.data / "tmp").iterdir()) == [], number
    assert agent.ok(UNSIGNED, "run", argument) == "newz"


@pytest.mark.threat("T84")
@pytest.mark.parametrize("limit", ["size=1m", "size=64m,nr_inodes=40"])
def test_a_full_disk_is_said_and_freed_space_is_enough(
    agent: Agent, argument: str, limit: str
) -> None:
    agent.data.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"{limit},mode=700", "tmpfs", str(agent.data)]
    agent.host.run(mount).check()
    line = agent.refused(UNSIGNED, "fetch", argument)
    assert "No space left on device" in line
    assert agent.ok("image", "list", "--no-legend") == ""
    agent.host.run(["mount", "-o", "remount,size=64m,nr_inodes=4000", str(agent.data)]).check()
    assert agent.ok(UNSIGNED, "run", argument) == "newz"
