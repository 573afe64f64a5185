# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an app leaves behind is ended by its cgroup, of either version, however fast it forks."""

from __future__ import annotations

import pytest

from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

SCRIPT = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from podwright.stage2.leftovers import Group
kind, bomb, ending = sys.argv[2], sys.argv[3] == "bomb", sys.argv[4] == "end"
base = f"/sys/fs/cgroup/{kind}/podwright-leftovers-{os.getpid()}"
os.mkdir(base)
if kind == "pids":
    with open(f"{base}/pids.max", "w") as file:
        file.write("150")
group = Group(base)
ready, go = os.pipe()
if os.fork() == 0:
    os.setsid()
    with open(f"{base}/cgroup.procs", "w") as file:
        file.write("0")
    os.write(go, b".")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not bomb:
            time.sleep(0.1)
            continue
        try:
            os.fork()
        except OSError:
            pass
    os._exit(0)
os.read(ready, 1)

def processes():
    with open(f"{base}/cgroup.procs") as file:
        return len(file.read().split())

while bomb and processes() < 50:
    time.sleep(0.01)
print("found", processes())
rounds = 0
if ending:
    while not group.end():
        rounds += 1
        time.sleep(0.01)
    print("left", processes())
    if kind == "pids":
        with open(f"{base}/pids.max") as file:
            print("limit", file.read().strip())
else:
    time.sleep(0.2)
    print("left", processes())
    while not group.end():
        time.sleep(0.01)
try:
    while True:
        os.waitpid(-1, 0)
except ChildProcessError:
    pass
os.rmdir(base)
"""


def run(host: PrivateHost, *arguments: str) -> dict[str, int]:
    agent = str(CHECKOUT / "agent")
    done = host.run(["/usr/bin/python3", "-IS", "-c", SCRIPT, agent, *arguments]).check()
    return {name: int(text) for name, text in (line.split() for line in done.stdout.splitlines())}


# Without a limit on processes, a bomb would be the machine's.
@pytest.mark.parametrize(
    ("kind", "what"), [("pids", "bomb"), ("pids", "sleeper"), ("unified", "sleeper")]
)
def test_nothing_is_left(private_host: PrivateHost, kind: str, what: str) -> None:
    said = run(private_host, kind, what, "end")
    assert said["found"] >= 1
    assert said["left"] == 0


def test_the_limit_on_processes_is_as_it_was(private_host: PrivateHost) -> None:
    assert run(private_host, "pids", "bomb", "end")["limit"] == 150


@pytest.mark.parametrize("kind", ["pids", "unified"])
def test_without_us_it_lives_on(private_host: PrivateHost, kind: str) -> None:
    """The control."""
    assert run(private_host, kind, "sleeper", "wait")["left"] == 1
