# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command costs the machine it is started on: wall time, processor time, memory; and what cgroups have used.

A command runs in a cgroup of its own, so that processes which outlive it (OpenSSH's masters) are counted, too. Looking
at memory takes time, but is done by this process, which is not in the group.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.cgroups import CgroupSet

OFTEN = 0.4
TICKS = os.sysconf("SC_CLK_TCK")

_counter = itertools.count()


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one command.

    wall, cpu  seconds; cpu is that of all its processes, also of those that outlive it
    main       seconds of processor time of the first process alone, of its last moments but for `OFTEN`
    memory     MiB at its peak, of all its processes; pages that several of them share are counted once (PSS)
    first      MiB of the first process at that moment
    processes  the most there were at once
    """

    wall: float
    cpu: float
    main: float
    memory: float
    first: float
    processes: int


def seconds(group: Path) -> float:
    """Seconds of processor time that a cgroup has used so far, with all below it."""
    if (group / "cpuacct.usage").exists():
        return int((group / "cpuacct.usage").read_text()) / 1e9
    words = (group / "cpu.stat").read_text().split()
    return int(words[words.index("usage_usec") + 1]) / 1e6


def accounting(paths: Sequence[Path]) -> Path:
    """That of a set's cgroups which counts processor time."""
    return next((path for path in paths if (path / "cpuacct.usage").exists()), paths[0])


def measured(
    command: Sequence[str], env: Mapping[str, str], directory: Path, timeout: float
) -> tuple[Cost, str]:
    """Run a command to its end: what it cost and what it said. Raises RuntimeError when it fails."""
    groups = CgroupSet(f"pwtest-{os.getpid()}-meter{next(_counter)}")
    group = accounting(groups.paths)
    log = directory / "said"
    try:
        with log.open("w") as out:
            began = time.monotonic()
            process = subprocess.Popen(
                groups.enter_command(command),
                env=dict(env),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
            watch = _Watch(process.pid, group)
            watch.start()
            status = process.wait(timeout)
            wall = time.monotonic() - began
        watch.end()
        if status:
            raise RuntimeError(
                f"{' '.join(command)} ended with {status}: {log.read_text()[-4000:]}"
            )
        used = seconds(group)
    finally:
        _clear(group)
        groups.remove()
    cost = Cost(wall, used, watch.main, watch.memory / 1024, watch.first / 1024, watch.processes)
    return cost, log.read_text()


def _members(group: Path) -> list[int]:
    return [int(word) for word in (group / "cgroup.procs").read_text().split()]


def _clear(group: Path) -> None:
    """End what a command has left in its cgroup."""
    deadline = time.monotonic() + 10
    while (left := _members(group)) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


class _Watch(threading.Thread):
    """Looks at the processes of a cgroup now and then; keeps the most that it has seen."""

    def __init__(self, pid: int, group: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.group = pid, group
        self.main = 0.0
        self.memory = self.first = self.processes = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Until `end` is called."""
        while not self._over.wait(OFTEN):
            members = _members(self.group)
            sizes = {pid: resident(pid) for pid in members}
            self.processes = max(self.processes, len(members))
            if sum(sizes.values()) > self.memory:
                self.memory, self.first = sum(sizes.values()), sizes.get(self.pid, 0)
            self.main = max(self.main, own_seconds(self.pid))

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def resident(pid: int) -> int:
    """KiB of a process, with its share of pages that others have, too; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def own_seconds(pid: int) -> float:
    """Processor time of a process without its children; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
