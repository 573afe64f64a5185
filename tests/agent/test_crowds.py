# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many at once, and kills without end: one copy, no pod lost, nothing left, nothing grown (threats.md T88, T92).

`make soak` kills 1,000 pods (`PODWRIGHT_KILLS`) and runs 200 beside four gc loops (`PODWRIGHT_CROWD`).
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.test_crash import ledger, leftovers, settled
from tests.agent.test_killed_in_teardown import GC
from tests.conftest import Keys
from tests.support.agent import Agent

pytestmark = pytest.mark.threat("T92")
IMAGE = "example.com/tiny"
KILLS = int(os.environ.get("PODWRIGHT_KILLS", "12"))
CROWD = int(os.environ.get("PODWRIGHT_CROWD", "24"))
FETCHES = 32
Make = Callable[..., Path]
MANY = """
import json, subprocess, sys
task = json.load(sys.stdin)
going = [
    subprocess.Popen(task["command"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(task["count"])
]
print(json.dumps([(*map(bytes.decode, one.communicate()), one.returncode) for one in going]))
"""
CROWDED = """
import json, subprocess, sys
task = json.load(sys.stdin)
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
loop = 'while :; do "$@" || echo failed; done'
loops = [subprocess.Popen(["/bin/sh", "-c", loop, "gc", *task["gc"]], **quiet) for _ in range(4)]
bad, left, going = [], task["count"], []
while left or going:
    while left and len(going) < 8:
        going.append(subprocess.Popen(task["run"], **quiet))
        left -= 1
    one = going.pop(0)
    said = one.communicate()[0].decode()
    if one.returncode or said != "ran\\n":
        bad.append([one.returncode, said])
for one in loops:
    one.kill()
lines = [line for one in loops for line in one.communicate()[0].decode().splitlines()]
usual = ("removed ", "marked ")
print(json.dumps({"bad": bad, "gc": [line for line in lines if not line.startswith(usual)]}))
"""
KILLING = """
import json, random, subprocess, sys, time
task = json.load(sys.stdin)
chance = random.Random(task["seed"])
for _ in range(task["count"]):
    pod = subprocess.Popen(task["run"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0, 0.6))
    pod.kill()
    pod.wait()
"""


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """The agent with the key in its trust store."""
    agent.trust(lab.key, "example.com")
    return agent


def helper(agent: Agent, script: str, **task: object) -> str:
    """Run a script on the host, with a task."""
    command = ["/usr/bin/python3", "-IS", "-c", script]
    return agent.host.run(command, stdin=json.dumps(task), timeout=7200).check().stdout


@pytest.mark.threat("T88")
def test_many_fetches_of_one_image_store_one(trusting: Agent, signed_image: Make) -> None:
    command = [*trusting.command, "fetch", "--full", str(signed_image())]
    ended = json.loads(helper(trusting, MANY, command=command, count=FETCHES))
    assert {(out, status) for out, _, status in ended} == {(ended[0][0], 0)}, ended
    assert ended[0][0].startswith("sha512-")
    for place in ("image", "tree"):
        assert len(list((trusting.data / "cas" / place).iterdir())) == 1
    assert list((trusting.data / "tmp").iterdir()) == []
    trusting.ok("image", "verify", "--all")


@pytest.mark.threat("T88")
def test_gc_beside_runs_takes_only_what_has_ended(trusting: Agent, signed_image: Make) -> None:
    trusting.ok("fetch", signed_image())
    before = ledger(trusting)
    run = [*trusting.command, "run", "--net=none", IMAGE, "--exec=/bin/echo", "--", "ran"]
    gc = [*trusting.command, *GC]
    seen = json.loads(helper(trusting, CROWDED, run=run, gc=gc, count=CROWD))
    assert seen == {"bad": [], "gc": []}
    trusting.ok(*GC)
    trusting.ok(*GC)
    assert [path for path in leftovers(trusting) if "embryo" not in path] == []
    assert settled(trusting, before) == before
    assert json.loads(trusting.ok("image", "list", "--format=json"))


def test_pods_killed_at_random_leave_nothing_and_nothing_grows(
    trusting: Agent, signed_image: Make
) -> None:
    trusting.ok("fetch", signed_image())
    run = [*trusting.command, "run", IMAGE, "--exec=/bin/sleep", "--", "0.2"]
    trusting.ok(*run[len(trusting.command) :])
    trusting.ok(*GC)
    before = ledger(trusting)
    seed = random.randrange(1 << 30)
    done = 0
    while done < KILLS:
        some = min(50, KILLS - done)
        helper(trusting, KILLING, run=run, count=some, seed=seed + done)
        done += some
        trusting.ok(*GC, timeout=300)
        trusting.ok(*GC, timeout=300)
        assert [path for path in leftovers(trusting) if "embryo" not in path] == [], (seed, done)
        assert settled(trusting, before) == before, (seed, done)
    assert json.loads(trusting.ok("list", "--format=json")) == []
    trusting.ok("image", "verify", "--all")
