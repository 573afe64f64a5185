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
from typing import Any

sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "../../agent")))

from podwright.errors import PodwrightError
from podwright.model.pod import parse_pod
from podwright.stage1.contract import Launch, Ready
from podwright.stage1.namespaces.launch import launch
from podwright.values_json import to_json


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
        backoff=spec.get("backoff", 1.0),
        secrets_dir=spec.get("secrets_dir", ""),
        private_users=spec.get("private_users", _default(spec)),
        users_dir=spec.get("users_dir", "/run/podwright/users"),
        log_dir=spec.get("log_dir", ""),
        log_files="log_dir" in spec,
        log_limits=tuple(spec.get("log_limits", (10 << 20, 5))),
    )
    try:
        outcome = launch(pod, lambda: event(ready=True), None)
    except PodwrightError as err:
        event(refused=err.sentence(), reason=err.reason, stage=err.stage)
        return 254
    records = {app.name: to_json(app) for app in outcome.records}
    ended = [outcome.status, outcome.reason]
    event(
        outcome=ended,
        apps=outcome.apps,
        notes=list(outcome.notes),
        records=records,
        reports=list(outcome.unenforced),
    )
    return outcome.status


def _default(spec: dict[str, Any]) -> str:
    """As it is decided for a pod that says nothing."""
    kept = spec.get("net") == "host" or spec.get("stage1") == "fly"
    return "" if kept or os.environ.get("NO_USERS") else "true"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
