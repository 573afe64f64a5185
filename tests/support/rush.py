# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many pods that are started at the same moment."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tests.support.agent import Agent

SCRIPT = """
import json, subprocess, sys, time
task = json.load(sys.stdin)
began = time.monotonic()
pods = [
    subprocess.Popen(task["run"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(task["count"])
]
states, deadline = [], began + 300
while time.monotonic() < deadline and all(pod.poll() is None for pod in pods):
    listed = subprocess.run(task["list"], capture_output=True, text=True)
    if listed.returncode:
        raise RuntimeError(f"list ended with {listed.returncode}: {listed.stderr}")
    states = [line.split("\\t")[4] for line in listed.stdout.splitlines()]
    if states.count("running") == task["count"]:
        break
    time.sleep(0.05)
seconds = time.monotonic() - began
for pod in pods:
    pod.terminate()
ended = [(pod.communicate()[1].decode(), pod.returncode) for pod in pods]
print(json.dumps({"running": states.count("running"), "seconds": seconds, "ended": ended}))
"""


@dataclasses.dataclass(frozen=True)
class Rushed:
    """How many of the pods ran at the same time, after how many seconds, and (standard error, status) of each."""

    running: int
    seconds: float
    ended: tuple[tuple[str, int], ...]


def rush(agent: Agent, options: Sequence[str], count: int) -> Rushed:
    """Start `count` pods at once that sleep until they are stopped; returns when all of them have ended."""
    run = [*agent.command, "run", *options, "--exec=/bin/sleep", "--", "3600"]
    listing = [*agent.command, "list", "--no-legend"]
    task = json.dumps({"run": run, "list": listing, "count": count})
    script = ["/usr/bin/python3", "-IS", "-c", SCRIPT]
    out = json.loads(agent.host.run(script, stdin=task, timeout=600).check().stdout)
    return Rushed(
        out["running"], out["seconds"], tuple((text, status) for text, status in out["ended"])
    )
