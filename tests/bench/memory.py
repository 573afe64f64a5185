# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What our own processes cost per running pod: proportional set size, apps not counted."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.agent import Agent

SCRIPT = """
import glob, json, re
total = 0
for path in glob.glob("/proc/[0-9]*"):
    try:
        command = open(path + "/cmdline", "rb").read()
        if b"podwright" in command and b"supervise" in command:
            total += int(re.search(r"^Pss:\\s+(\\d+) kB", open(path + "/smaps_rollup").read(), re.M).group(1))
    except (OSError, AttributeError):
        continue
print(json.dumps(total))
"""


def measure(agent: Agent, scratch: Path, count: int) -> float:
    """Start `count` one-app pods; return MiB of our processes per pod; remove them again."""
    pods = [
        {
            "name": f"bench-{number}",
            "image": "example.com/tiny:1.0",
            "exec": "/bin/sleep",
            "args": ["3600"],
            "net": "none",
            "ready": {"seconds": 0},
        }
        for number in range(count)
    ]
    agent.apply({"version": 1, "pods": pods}, timeout=300)
    out = agent.host.run(["/usr/bin/python3", "-IS", "-c", SCRIPT]).check().stdout
    absent = [{"name": pod["name"], "state": "absent"} for pod in pods]
    agent.apply({"version": 1, "pods": absent}, timeout=300)
    return float(json.loads(out)) / 1024 / count
