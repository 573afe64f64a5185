# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parent of a pod that has had nothing to do for a while becomes small, and nobody notices."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
SMALL = "podwright-wait\n"
DRIVER = """
import json, os, subprocess, sys, time
task = json.load(sys.stdin)
process = subprocess.Popen(task["command"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

def comm():
    with open(f"/proc/{process.pid}/comm") as file:
        return file.read()

def small():
    deadline = time.monotonic() + 60
    while comm() != "podwright-wait\\n":
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("it did not become small")
        time.sleep(0.02)

small()
with open(f"/proc/{process.pid}/smaps_rollup") as file:
    pss = [int(line.split()[1]) for line in file if line.startswith("Pss:")]
for number in task["signals"]:
    process.send_signal(number)
    if number in (9, 15):
        break
    while comm() == "podwright-wait\\n":
        time.sleep(0.02)
    small()
out, err = process.communicate(timeout=60)
print(json.dumps({"pss": pss[0], "out": out, "err": err, "status": process.returncode}))
"""


@pytest.fixture
def patient(agent: Agent, lab: Keys, signed_image: Build) -> Agent:
    """An agent with an image that runs shell scripts."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image(app=aci.app(["/bin/sh", "-c"])))
    return agent


def run(agent: Agent, script: str, *signals: int, net: str = "none") -> dict[str, Any]:
    """Run a script in a pod, wait until its parent is small, send it the signals."""
    command = [*agent.command, "run", f"--net={net}", "example.com/tiny:1.0", "--", script]
    task = json.dumps({"command": command, "signals": signals})
    out = agent.host.run([sys.executable, "-c", DRIVER], stdin=task, timeout=200).check().stdout
    found: dict[str, Any] = json.loads(out)
    assert found["pss"] < 100  # KiB; an interpreter that waits has 4,000
    return found


def nothing_is_left(agent: Agent) -> None:
    """No lease, range, network or process."""
    listed = agent.ok("list", "--no-legend")
    assert [line.split("\t")[4] for line in listed.splitlines()] == ["exited"]
    places = ["/run/podwright/net/default", "/run/podwright/users"]
    assert agent.host.run(["find", *places, "-type", "f"]).stdout == ""


def test_the_app_ends_by_itself(patient: Agent) -> None:
    ended = run(patient, "sleep 8; echo done; exit 5", net="default")
    assert (ended["out"], ended["err"], ended["status"]) == ("done\n", "", 5)
    nothing_is_left(patient)
    status = json.loads(patient.ok("list", "--format=json"))[0]
    assert status["apps"][0]["exit_code"] == 5


def test_the_pod_is_stopped(patient: Agent) -> None:
    ended = run(patient, "trap 'echo asked; exit 7' TERM; while :; do sleep 0.1; done", 15)
    assert (ended["out"], ended["status"]) == ("asked\n", 7)
    nothing_is_left(patient)


def test_signals_reach_the_app_and_it_becomes_small_again(patient: Agent) -> None:
    script = (
        "trap 'echo one' USR1; trap 'echo hup' HUP; trap 'exit 0' TERM; while :; do sleep 0.1; done"
    )
    ended = run(patient, script, 10, 1, 15)
    assert (ended["out"], ended["status"]) == ("one\nhup\n", 0)


def test_the_parent_is_killed_and_the_pod_with_it(patient: Agent) -> None:
    assert run(patient, "sleep 1000", 9)["status"] == -9
    deadline = time.monotonic() + 60
    while " running" in patient.ok("list").replace("\t", " "):
        assert time.monotonic() < deadline
    patient.ok("gc", "--grace-period=0s")
    assert (
        patient.host.run(["/bin/sh", "-c", "cat /proc/[0-9]*/comm"]).stdout.count("podwright") == 0
    )


def running(agent: Agent) -> list[str]:
    """The pods that run."""
    listed = json.loads(agent.ok("list", "--format=json"))
    return [pod["name"] for pod in listed if pod["state"] == "running"]


def test_a_supervised_pod_is_started_again_and_stopped(patient: Agent) -> None:
    pod = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "args": ["sleep 7; exit 3"],
        "net": "none",
        "restart": "always",
    }
    patient.apply({"version": 1, "pods": [pod]})
    first = json.loads(patient.ok("list", "--format=json"))[0]["name"]
    supervisor = patient.host.run(["/bin/sh", "-c", "cat /proc/[0-9]*/comm"])
    deadline = time.monotonic() + 60
    while SMALL not in supervisor.stdout:
        assert time.monotonic() < deadline
        supervisor = patient.host.run(["/bin/sh", "-c", "cat /proc/[0-9]*/comm"])
    while running(patient) in ([], [first]):
        assert time.monotonic() < deadline
    patient.apply({"version": 1, "pods": [{"name": "web", "state": "absent"}]})
    assert patient.ok("list", "--no-legend") == ""
