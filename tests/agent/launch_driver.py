# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Call stage1's `launch` on its own, without stage0 and the command line.

Run as `python3 -IS launch_driver.py SPEC`: SPEC is a JSON file (see `tests.agent.launch_bed`). Events go to the file
that it names, one JSON object a line: {"ready": …}, {"outcome": …} or {"refused": …}. The exit status is the pod's.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time

sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "../../agent")))

from podwright.errors import PodwrightError
from podwright.model.pod import parse_pod
from podwright.stage1.contract import Launch, Ready
from podwright.stage1.namespaces.launch import launch


def main(path: str) -> int:
    """Run the pod that SPEC describes."""
    with open(path) as file:
        spec = json.load(file)
    begun = time.monotonic()

    def event(**fields: object) -> None:
        fields["seconds"] = time.monotonic() - begun
        with open(spec["events"], "a") as out:
            out.write(json.dumps(fields) + "\n")

    lock = os.open(spec["pod_dir"], os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    ready = {**spec.pop("ready", {})}
    ready["exec"] = tuple(ready.get("exec", ()))
    pod = Launch(
        uuid=spec["uuid"],
        name="",
        pod_dir=spec["pod_dir"],
        lock_fd=lock,
        manifest=parse_pod(spec["manifest"]),
        trees={name: tuple(trees) for name, trees in spec["trees"].items()},
        net=spec.get("net", "none"),
        hostname=spec.get("hostname", "pod"),
        insecure=frozenset(spec.get("insecure", ())),
        ready=Ready(**ready),
        stop_timeout=spec.get("stop_timeout", 10.0),
        overlay=spec.get("overlay", True),
        interactive=spec.get("interactive", False),
        stage1=spec.get("stage1", "namespaces"),
    )
    try:
        outcome = launch(pod, lambda: event(ready=True), None)
    except PodwrightError as err:
        event(refused=err.sentence(), reason=err.reason, stage=err.stage)
        return 254
    event(outcome=[outcome.status, outcome.reason], apps=outcome.apps, notes=list(outcome.notes))
    return outcome.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
