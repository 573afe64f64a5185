# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 and a full disk at the steps of `app add` and `app rm`: the pod runs on, a rerun works, nothing is left."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.mutable_bed import Sandbox, settled
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "24"))
"""Every how many steps a verb is killed; 1 for all of them."""
LIVE = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def left(box: Sandbox) -> tuple[list[str], list[str], list[str], int]:
    """Files of the pod's apps, its control groups, what its PID 1 has mounted, and its descriptors."""
    names = ["appsinfo/*", "overlay/*", "stage1/rootfs/opt/stage2/*", "sharedVolumes/*"]
    files = [str(path.relative_to(box.path)) for name in names for path in box.path.glob(name)]
    find = ["find", "/sys/fs/cgroup", "-path", f"*{box.uuid}/*", "-type", "d"]
    groups = box.agent.host.run(find).stdout.split()
    return (sorted(files), sorted(groups), *box.held())


def steps(box: Sandbox, record: Path, verb: str, *words: str) -> int:
    """How many steps a verb takes, in its process and that of its children which takes the most."""
    record.write_text("")
    box.app(verb, *words, env={"PODWRIGHT_FAULT": f"count@{record}"}).check()
    return len(record.read_text().splitlines())


@pytest.mark.threat("T83")
@pytest.mark.parametrize("fault", ["kill", "ENOSPC"])
def test_an_interrupted_change_leaves_nothing_when_it_is_made_again(
    trusting: Agent, signed_image: Build, tmp_path: Path, fault: str
) -> None:
    image = str(signed_image(app=aci.app(["/bin/sh", "-c", LIVE])))
    volumes = [
        f"--mnt-volume=name={kind},kind={kind},target=/{kind}" for kind in ("empty", "tmpfs")
    ]
    add = ["add", image, "--name=new", *volumes]
    remove = ["rm", "--app=new"]
    with Sandbox(trusting) as box:
        box.start(image, "old")
        assert box.says("old", "echo here") == "here\n"
        box.ok(*add)
        box.ok(*remove)
        before = left(box)
        adding = steps(box, tmp_path / "steps", *add)
        there = left(box)
        removing = steps(box, tmp_path / "steps", *remove)
        assert settled(lambda: left(box), before) == before
        assert adding > 20 and removing > 5
        seen: Counter[int] = Counter()
        for number in range(1, adding + 1, STRIDE):
            seen[box.app(*add, env={"PODWRIGHT_FAULT": f"{fault}@{number}"}).exit] += 1
            assert box.says("old", "echo here") == "here\n"
            if box.states() == {"old": "running"}:
                box.ok(*add)
            assert left(box)[0] == there[0], number
            assert left(box)[2] == there[2], number
            box.ok(*remove)
            assert settled(lambda: left(box), before) == before, number
        for number in range(1, removing + 1, STRIDE):
            box.ok(*add)
            box.app(*remove, env={"PODWRIGHT_FAULT": f"{fault}@{number}"})
            if "new" in box.states():
                box.ok(*remove)
            box.ok(*add)
            box.ok(*remove)
            assert settled(lambda: left(box), before) == before, number
        box.start(image, "new")
        assert box.states() == {"old": "running", "new": "running"}
        assert box.end()[0] == 0
    assert seen.keys() <= {0, 254, 137, -9}, seen
