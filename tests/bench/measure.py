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


@dataclasses.dataclass(frozen=True)
class Figures:
    """Wall times in milliseconds and the largest resident set of one process in MiB."""

    wall: tuple[float, ...]
    peak: float

    @property
    def median(self) -> float:
        """The median wall time in milliseconds."""
        return statistics.median(self.wall)


def once(command: Sequence[str]) -> tuple[float, float]:
    """Run a command, which must succeed; return (wall milliseconds, peak RSS in MiB)."""
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


def in_turn(commands: Sequence[Sequence[str]], runs: int) -> list[Figures]:
    """Run the commands A B A B ... `runs` times each, after a warm-up."""
    walls: list[list[float]] = [[] for _ in commands]
    peaks = [0.0 for _ in commands]
    for turn in range(runs + WARM_UP):
        for index, command in enumerate(commands):
            wall, peak = once(command)
            if turn >= WARM_UP:
                walls[index].append(wall)
                peaks[index] = max(peaks[index], peak)
    return [Figures(tuple(wall), peak) for wall, peak in zip(walls, peaks, strict=True)]


def main() -> None:
    """Read {commands, runs} from standard input, print the figures as JSON (used on the private host)."""
    task = json.load(sys.stdin)
    figures = in_turn(task["commands"], task["runs"])
    json.dump([dataclasses.asdict(item) for item in figures], sys.stdout)


if __name__ == "__main__":
    main()
