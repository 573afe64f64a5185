# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs that a host is a pod: `python -m tests.bench.connection [RUNS]`.

Makes two hosts with sshd and a pod of Debian's Python, and runs `ansible -m ping` against the host and against the
pod in turn, over OpenSSH (whose connection persists) and over paramiko. Both have pipelining and a known interpreter.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import Figures
from tests.bench.table import spread
from tests.modules.pod_hosts import TRANSPORTS, Controller, on, settle
from tests.support import hosts
from tests.support.gpglab import GpgLab
from tools import collection

RUNS = 15
BUDGET = 1.5


def compare(controller: Controller, commands: Sequence[Sequence[str]], runs: int) -> list[Figures]:
    """Wall times of commands that must succeed, in turn, the first round not counted."""
    times: list[list[float]] = [[] for _ in commands]
    for number in range(runs + 1):
        for command, own in zip(commands, times, strict=True):
            begun = time.monotonic()
            done = controller.run(*command, ANSIBLE_PIPELINING="true")
            own.extend([(time.monotonic() - begun) * 1000] if number else [])
            assert "pong" in done.stdout, done
    return [Figures(tuple(own), 0) for own in times]


def rows(controller: Controller, runs: int) -> list[str]:
    """A row for each transport."""
    out = []
    for transport in TRANSPORTS:
        python = {"ansible_python_interpreter": "/usr/bin/python3"}
        pods = {"py": {"podwright_host": "host1", "podwright_pod": "py", **python}}
        inventory = controller.pods(transport, pods, **python)
        commands = [
            ["ansible", "-i", str(inventory), name, "-m", "ping"] for name in ("host1", "py")
        ]
        host, pod = compare(controller, commands, runs)
        ratios = [one / other for one, other in zip(pod.wall, host.wall, strict=True)]
        ratio = statistics.median(ratios)
        within = "yes" if ratio <= BUDGET else "**no**"
        out.append(f"| {transport} | {spread(pod)} | {spread(host)} | {ratio:.2f} | {within} |")
    return out


def main() -> int:
    """Measure and print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory(prefix="pwbench-") as name, GpgLab() as lab:
        base = Path(name)
        key = lab.generate("Bench <bench@example.com>")
        fleet = hosts.create(base / "fleet", 2)
        try:
            settle(fleet, key)
            (base / "home/.ssh").mkdir(parents=True)
            lines = [
                f"{host.address} {on(fleet, host.name, 'cat /etc/ssh/ssh_host_ed25519_key.pub')}"
                for host in fleet.hosts
            ]
            (base / "home/.ssh/known_hosts").write_text("".join(lines))
            controller = Controller(base / "home", fleet, collection.installed())
            found = rows(controller, runs)
        finally:
            hosts.destroy(base / "fleet")
    print(
        f"{runs} runs in turn, medians (least to most), {os.cpu_count()} cores, budget {BUDGET} x\n"
    )
    print("| over | ping of the pod | ping of its host | ratio | within |\n|---|---|---|---|---|")
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
