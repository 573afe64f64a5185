# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the time of one `run` goes: phases of the agent and of PID 1, and imports; docs/performance.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.agent import Agent
from tests.support.paths import CHECKOUT

TARGET = CHECKOUT / "docs/performance.md"
MARK = "<!-- measured: everything below is written by make bench -->\n"
RUNS = 21
TIMED = """
import os, subprocess, sys, time
began = time.monotonic()
status = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
print(began, time.monotonic(), status)
"""
Event = tuple[float, str, str]


def events(agent: Agent, scratch: Path, arguments: Sequence[str]) -> list[Event]:
    """(milliseconds since the start, process, event) of the run of median length."""
    runs = []
    for number in range(RUNS):
        stamps = scratch / f"stamps-{number}"
        traced = ["/usr/bin/python3", "-IS", str(CHECKOUT / "tests/bench/traced.py")]
        command = [*traced, str(CHECKOUT / "agent"), str(stamps), *agent.command[3:], *arguments]
        done = agent.host.run([sys.executable, "-c", TIMED, *command]).check()
        began, ended, status = done.stdout.split()[-3:]
        if status != "0":
            raise RuntimeError(f"the traced run ended with {status}: {done.stderr}")
        seen = [line.split(" ", 2) for line in stamps.read_text().splitlines()]
        found = [((float(at) - float(began)) * 1000, who, event) for at, who, event in seen]
        runs.append([*found, ((float(ended) - float(began)) * 1000, "agent", "exit")])
    return sorted(runs, key=lambda run: run[-1][0])[len(runs) // 2]


def imports(agent: Agent, arguments: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Per group of modules: how many, and microseconds, the least of each module in `RUNS` runs."""
    least: dict[str, int] = {}
    command = ["/usr/bin/python3", "-IS", "-X", "importtime", *agent.command[2:], *arguments]
    for _ in range(RUNS):
        text = agent.host.run(command).check().stderr
        for own, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", text, re.MULTILINE):
            least[name] = min(least.get(name, sys.maxsize), int(own))
    groups: dict[str, tuple[int, int]] = {}
    for name, own in least.items():
        parts = name.split(".")
        group = ".".join(parts[:2]) if parts[0] == "podwright" else "the standard library"
        count, total = groups.get(group, (0, 0))
        groups[group] = (count + 1, total + own)
    return dict(sorted(groups.items(), key=lambda item: -item[1][1]))


def phases(run: Sequence[Event]) -> list[str]:
    """The events as lines of a table: when, who, what, and how long a phase lasted."""
    lines = []
    for index, (at, who, event) in enumerate(run):
        if event.startswith("-"):
            continue
        lasted = ""
        if event.startswith("+"):
            ends = (
                end for end, other, what in run[index:] if (other, what) == (who, f"-{event[1:]}")
            )
            lasted = f"{next(ends) - at:.1f}"
        lines.append(f"| {at:.1f} | {who} | {event.lstrip('+')} | {lasted} |")
    return lines


def write(agent: Agent, scratch: Path) -> None:
    """Measure `run --net=none` of /bin/true and write the lower part of the page."""
    arguments = ["run", "--net=none", "example.com/tiny:1.0"]
    head = TARGET.read_text().split(MARK)[0]
    table = ["| ms | process | phase | lasted, ms |", "|---|---|---|---|"]
    table += phases(events(agent, scratch, arguments))
    loaded = ["| modules | how many | ms |", "|---|---|---|"]
    loaded += [
        f"| {group} | {n} | {us / 1000:.1f} |"
        for group, (n, us) in imports(agent, arguments).items()
    ]
    page = f"{head}{MARK}\n## One run, phase by phase\n\n" + "\n".join(table)
    page += "\n\n## What it imports\n\n" + "\n".join(loaded) + "\n"
    TARGET.write_text(page)
