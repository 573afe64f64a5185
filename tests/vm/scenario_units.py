# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with cgroup v2: limits that a pod's unit sets are those of the pod's group as a whole."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from inside import AGENT, call, podwright, tell

IMAGE = podwright("--insecure-options=image", "fetch", "tiny.aci").stdout.strip()
GROUP = Path("/sys/fs/cgroup/machine.slice/podwright-web.service")
LIMITS = {"MemoryMax": "64M", "MemorySwapMax": 0, "CPUQuota": "50%", "TasksMax": 40, "IOWeight": 50}
FILES = ("memory.max", "memory.swap.max", "cpu.max", "pids.max")


def apply(script: str, **more: Any) -> dict[str, Any]:
    """Apply a pod of two apps that do the same."""
    apps = [
        {"name": name, "image": IMAGE, "exec": ["/bin/sh", "-c", script]} for name in ("a", "b")
    ]
    pod = {"name": "web", "net": "none", "restart": "no", "apps": apps, **more}
    pod["insecure_options"] = ["image"]
    unit = {"settings": {"Service": LIMITS}}
    state = json.dumps({"pods": [{"unit": unit, **pod}]})
    done = subprocess.run([AGENT, "apply"], input=state, capture_output=True, text=True)
    return dict(json.loads(done.stdout)["pods"][0])


def files() -> dict[str, str]:
    return {name: (GROUP / name).read_text().strip() for name in FILES}


def main() -> None:
    """Files, and a change without a restart."""
    # The guest has no network that could come up, for which units of pods wait.
    call("systemctl", "mask", "--now", "systemd-networkd-wait-online.service")
    first = apply("exec sleep 1000")
    assert first["error"] is None, first
    tell(error=first["error"], limits=files())
    more = apply("exec sleep 1000", unit={"settings": {"Service": {**LIMITS, "TasksMax": 50}}})
    tell(actions=more["actions"], changed=files()["pids.max"], same=more["uuid"] == first["uuid"])


main()
