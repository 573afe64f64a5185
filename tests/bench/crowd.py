# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many running pods: what our own processes cost (apps not counted), and what `apply` takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.agent import Agent

SCRIPT = """
import glob, json, re, sys, time
COUNT = int(sys.argv[1])

def small():
    titles = (open(path).read() for path in glob.glob("/proc/[0-9]*/comm"))
    return sum(title == "podwright-wait\\n" for title in titles)

deadline = time.monotonic() + 60
while small() < COUNT and time.monotonic() < deadline:
    time.sleep(0.1)
total = 0
for path in glob.glob("/proc/[0-9]*"):
    try:
        words = open(path + "/cmdline", "rb").read().split(b"\\0")
        ours = b"supervise" in words or words[0] in (b"podwright-init", b"podwright-wait")
        if ours:
            total += int(re.search(r"^Pss:\\s+(\\d+) kB", open(path + "/smaps_rollup").read(), re.M).group(1))
    except (OSError, AttributeError):
        continue
print(json.dumps(total))
"""


class Crowd:
    """`count` named pods of `apps` sleeping apps each and no network; a context manager."""

    def __init__(self, agent: Agent, count: int, apps: int = 1) -> None:
        self.agent = agent
        self.count = count
        self.apps = apps
        self.names = [f"bench-{number}" for number in range(count)]
        self.desired = {"version": 1, "pods": [self._pod(name) for name in self.names]}

    def _pod(self, name: str) -> dict[str, Any]:
        app = {"image": "example.com/tiny:1.0", "exec": "/bin/sleep", "args": ["3600"]}
        apps = [{**app, "name": f"app-{number}"} for number in range(self.apps)]
        return {"name": name, "apps": apps, "net": "none", "ready": {"seconds": 0}}

    def __enter__(self) -> Crowd:
        self.agent.apply(self.desired, timeout=600)
        return self

    def __exit__(self, *_: object) -> None:
        absent = [{"name": name, "state": "absent"} for name in self.names]
        self.agent.apply({"version": 1, "pods": absent}, timeout=600)

    def resident(self) -> float:
        """MiB of proportional set size per pod: its parent and its PID 1; the apps are not ours."""
        script = ["/usr/bin/python3", "-IS", "-c", SCRIPT, str(self.count)]
        out = self.agent.host.run(script, timeout=120).check().stdout
        return float(json.loads(out)) / 1024 / self.count

    def write_desired(self, scratch: Path) -> Path:
        """The desired state as a file, for `apply`."""
        path = scratch / "desired.json"
        path.write_text(json.dumps(self.desired))
        return path
