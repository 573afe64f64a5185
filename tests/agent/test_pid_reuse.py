# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that has the number of a dead pod's process is never signalled, nor entered (threats.md T89)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.test_crash import leftovers
from tests.agent.test_killed_in_teardown import GC, STARTED, Running, end, start
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.network_lab import wait_until

pytestmark = pytest.mark.threat("T89")
CANARY = """
import os, signal, sys, time
wanted = [int(word) for word in sys.argv[2:]]
def canary(number):
    def heard(number, frame):
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()} got {number}\\n")
    for one in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        try:
            signal.signal(one, heard)
        except (OSError, ValueError):
            pass
    print(os.getpid(), flush=True)
    while True:
        time.sleep(3600)
for number in wanted:
    while True:
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(number - 1))
        child = os.fork()
        if child == 0:
            if os.getpid() == number:
                canary(number)
            os._exit(0)
        if child == number:
            break
        os.waitpid(child, 0)
while True:
    time.sleep(3600)
"""
"""Forks a process for each number, which writes down every signal that it gets."""
HOLDER = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(3600)
"""


@pytest.fixture
def stored(agent: Agent, signed_image: Callable[..., Path], lab: Keys) -> Iterator[Agent]:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    yield agent
    while STARTED:
        end(STARTED.pop())


def told(process: subprocess.Popen[str]) -> str:
    """The next line of a helper."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("locked", [True, False], ids=["held", "let-go"])
def test_a_canary_in_a_dead_pods_place_is_left_alone(
    stored: Agent, tmp_path: Path, locked: bool
) -> None:
    pod = Running(stored, "--net=none")
    pod.kill()
    pod.process.communicate(timeout=60)
    wait_until(lambda: pod.state() != "running", "the killed pod does not end")
    if locked:  # as when somebody else still has the lock: then it counts as running
        assert told(start(stored, "/usr/bin/python3", "-IS", "-c", HOLDER, str(pod.path))) == "held"
        assert pod.state() == "running"
    heard = tmp_path / "heard"
    heard.touch()
    canaries = start(
        stored, "/usr/bin/python3", "-IS", "-c", CANARY, str(heard), pod.parent, pod.init
    )
    assert {told(canaries), told(canaries)} == {pod.parent, pod.init}
    for command in (
        ("stop", pod.uuid),
        ("stop", "--force", pod.uuid),
        ("status", pod.uuid),
        ("enter", pod.uuid, "/bin/true"),
        ("list",),
        GC,
        GC,
    ):
        done = stored(*command)
        assert "Traceback" not in done.stderr and "internal error" not in done.stderr, command
    if locked:
        assert stored("enter", pod.uuid, "/bin/true").exit == 254
    alive = stored.host.run(["sh", "-c", f"kill -0 {pod.parent} && kill -0 {pod.init}"])
    assert alive.exit == 0 and heard.read_text() == "", heard.read_text()
    if not locked:
        assert leftovers(stored) == []
    else:
        assert [one["state"] for one in json.loads(stored.ok("list", "--format=json"))] == [
            "running"
        ]
