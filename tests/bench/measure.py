# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time whole processes, in turn, so that a machine that slows down slows both sides down."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

WARM_UP = 2
OFTEN = 0.02


@dataclasses.dataclass(frozen=True)
class Figures:
    """Wall times in milliseconds and the largest resident set of one process in MiB."""

    wall: tuple[float, ...]
    peak: float

    @property
    def median(self) -> float:
        """The median wall time in milliseconds."""
        return statistics.median(self.wall)


def once(command: Sequence[str], before: Sequence[str] = ()) -> tuple[float, float]:
    """Run a command, which must succeed; return (wall milliseconds, peak RSS in MiB). `before` is not timed."""
    if before:
        subprocess.run(before, check=True, stdout=subprocess.DEVNULL)
        os.sync()  # or whoever makes its work durable also pays for what the other one left
    with open(os.devnull, "r+b") as null, open("/tmp/podwright-bench.err", "w+b") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = (time.perf_counter() - began) * 1000
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise RuntimeError(f"{command} ended with {process.returncode}")
    return wall, usage.ru_maxrss / 1024


def in_turn(
    commands: Sequence[Sequence[str]],
    runs: int,
    before: Sequence[Sequence[str]] = (),
    warm_up: int = WARM_UP,
) -> list[Figures]:
    """Run the commands A B A B ... `runs` times each, after a warm-up, each after its own `before`."""
    walls: list[list[float]] = [[] for _ in commands]
    peaks = [0.0 for _ in commands]
    for turn in range(runs + warm_up):
        for index, command in enumerate(commands):
            wall, peak = once(command, before[index] if before else ())
            if turn >= warm_up:
                walls[index].append(wall)
                peaks[index] = max(peaks[index], peak)
    return [Figures(tuple(wall), peak) for wall, peak in zip(walls, peaks, strict=True)]


def memory(command: Sequence[str]) -> tuple[float, float]:
    """The peaks, in MiB, of a command with all processes below it: (pages shared once, each process as a whole).

    Looking takes time, so this is a run of its own.
    """
    with open(os.devnull, "r+b") as null:
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
    proportional = whole = 0
    while process.poll() is None:
        found = [_resident(pid) for pid in _family(process.pid)]
        proportional = max(proportional, sum(pss for pss, _ in found))
        whole = max(whole, sum(rss for _, rss in found))
        time.sleep(OFTEN)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return proportional / 1024, whole / 1024


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
        tasks = os.listdir(f"/proc/{pid}/task")
        for task in tasks:
            if int(task) != pid:
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    children += [int(word) for word in file.read().split()]
    except OSError:
        return [pid]
    return [pid, *(found for child in children for found in _family(child))]


def _resident(pid: int) -> tuple[int, int]:
    """(proportional, whole) resident set of a process in KiB."""
    sizes = {}
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                word, _, rest = line.partition(":")
                if word in ("Pss", "Rss"):
                    sizes[word] = int(rest.split()[0])
    except OSError:
        return 0, 0
    return sizes.get("Pss", 0), sizes.get("Rss", 0)


def main() -> None:
    """Read {commands, runs, ...} from standard input, print the figures as JSON (used on the private host)."""
    task = json.load(sys.stdin)
    if "memory" in task:
        json.dump(memory(task["memory"]), sys.stdout)
        return
    figures = in_turn(**task)
    json.dump([dataclasses.asdict(item) for item in figures], sys.stdout)


if __name__ == "__main__":
    main()
