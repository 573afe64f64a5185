# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of `tests.bench.scale` as Markdown: what was measured, lines through it, what they say of more hosts."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.bench.line import Line, through
from tests.support.paths import CHECKOUT

TARGET = CHECKOUT / "docs/scale.md"
MARK = "<!-- measured: everything below is written by make bench BENCH=scale -->\n"
LARGE = 10_000
CORES = 16
FORKS = (50, 200)
PERIOD = 900
"""Seconds: a host pulls once in each, at a moment of its own (the role's default)."""
PUSHED = ("ping", "module no-op", "module update", "rollout no-op", "rollout update")
TASKS = {name: 12 if name.startswith("rollout") else 1 for name in PUSHED}
"""How many tasks a host has in it, skipped ones included; of a rollout at most."""
PULLED = ("pull no-op", "pull update")
TITLES = {
    "ping": "`ansible -m ping`",
    "module no-op": "play with the module `pod`, no change",
    "module update": "the same, one pod per host replaced",
    "rollout no-op": "playbook `rollout`, no change",
    "rollout update": "the same, one pod per host replaced",
    "pull no-op": "`podwright pull`, no news",
    "pull update": "the same, one pod per host replaced",
}
Value = Callable[[dict[str, Any]], float]


@dataclasses.dataclass(frozen=True)
class Way:
    """Lines of a way over the number of hosts, in seconds and MiB.

    cpu     the controller's processor time
    work    the same without that of Ansible's first process
    hosts   processor time of all hosts together
    memory  of the controller, over the number of forks that have something to do
    """

    cpu: Line
    work: Line
    hosts: Line
    memory: Line


def render(note: dict[str, Any]) -> str:
    """The lower part of the page."""
    parts = [_conditions(note), _table(note)]
    sizes = {one["hosts"] for one in note["turns"]}
    if len(sizes) > 2:
        known = {name: {one["hosts"] for one in of(note, name)} for name in PUSHED}
        ways = {name: way(note, name) for name in PUSHED if len(known[name]) > 1}
        parts += [_lines(note, ways), _pushed(note, ways), _pulled(note)]
    parts.append(_knobs(note))
    return "\n".join(part for part in parts if part)


def write(text: str) -> None:
    """Put it below the mark."""
    head = TARGET.read_text().split(MARK)[0]
    TARGET.write_text(f"{head}{MARK}\n{text}")


def way(note: dict[str, Any], name: str) -> Way:
    """Lines through the figures of a way that is pushed."""

    def work(one: dict[str, Any]) -> float:
        return float(one["controller"]["cpu"] - one["controller"]["main"])

    peaks = [
        (min(one["hosts"], note["forks"]), float(one["controller"]["memory"]))
        for one in of(note, name)
    ]
    return Way(
        line(note, name, lambda one: float(one["controller"]["cpu"])),
        line(note, name, work),
        line(note, name, lambda one: float(one["host_cpu"])),
        through(peaks),
    )


def of(note: dict[str, Any], name: str, size: int | None = None) -> list[dict[str, Any]]:
    """The turns of a way, on a number of hosts."""
    return [
        one
        for one in note["turns"]
        if one["way"] == name and (size is None or one["hosts"] == size)
    ]


def line(note: dict[str, Any], name: str, value: Value) -> Line:
    """Through the medians of each number of hosts."""
    sizes = sorted({one["hosts"] for one in of(note, name)})
    return through([(size, middle(map(value, of(note, name, size)))) for size in sizes])


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def _conditions(note: dict[str, Any]) -> str:
    loads = [one["load"] for one in note["turns"]]
    most = max(len(of(note, name, one["hosts"])) for one in note["turns"] for name in TITLES)
    rounds = "One round" if most == 1 else f"{most} rounds"
    idle = note["idle"] * 100
    return f"""## Measured

On {note["date"]}, {note["machine"]}: hosts and controller share these. {rounds}, in which every way had
its turn on every number of hosts; medians. The load (of one minute) was {min(loads):.0f} to {max(loads):.0f}.
Each host runs {note["pods"]} pods, and has with them {note["memory"]:.0f} MiB (PSS, systemd and sshd included); idle,
it uses {idle:.3f} % of a core. {note["forks"]} forks, pipelining, new connections in each run, no facts.

"""


def _table(note: dict[str, Any]) -> str:
    head = (
        "| way | hosts | wall, s | controller: CPU, s | of it Ansible's first process | controller: peak, MiB "
        "| hosts: CPU, s | network, kB per host |\n|---|---|---|---|---|---|---|---|\n"
    )
    rows = [
        _row(of(note, name, size), name, size)
        for name in TITLES
        for size in sorted({one["hosts"] for one in of(note, name)})
    ]
    return head + "".join(rows)


def _row(found: Sequence[dict[str, Any]], name: str, size: int) -> str:
    def shown(value: Value, digits: int = 1) -> str:
        return f"{middle(map(value, found)):.{digits}f}"

    pushed = found[0]["controller"] is not None
    cells = [
        TITLES[name],
        str(size),
        shown(lambda one: one["wall"]),
        shown(lambda one: one["controller"]["cpu"]) if pushed else "none",
        shown(lambda one: one["controller"]["main"]) if pushed else "",
        shown(lambda one: one["controller"]["memory"], 0) if pushed else "none",
        shown(lambda one: one["host_cpu"]),
        shown(lambda one: one["sent"] / one["hosts"] / 1000),
    ]
    return "| " + " | ".join(cells) + " |\n"


def _formula(found: Line, unit: str) -> str:
    sure = f"± {found.worst * 100:.0f} %" if found.points > 2 else "of two sizes only"
    sign = "-" if found.base < 0 else ""
    return f"{sign}{abs(found.base):.1f} + {found.slope:.3f} N {unit} ({sure})"


def _lines(note: dict[str, Any], ways: dict[str, Way]) -> str:
    text = """
## The model

Straight lines by least squares over N hosts; in brackets the largest distance of a measured median from its line.

| way | controller: CPU | without Ansible's first process | hosts together: CPU | controller: peak with F forks |
|---|---|---|---|---|
"""
    for name, one in ways.items():
        cells = [_formula(one.cpu, "s"), _formula(one.work, "s"), _formula(one.hosts, "s")]
        peak = f"{one.memory.base:.0f} + {one.memory.slope:.1f} F MiB"
        text += f"| {TITLES[name]} | {' | '.join(cells)} | {peak} |\n"
    for name in PULLED:
        hosts = line(note, name, lambda one: float(one["host_cpu"]))
        text += f"| {TITLES[name]} | 0 | 0 | {_formula(hosts, 's')} | 0 |\n"
    made = middle(one["cpu"] for one in note["bundles"])
    text += f"\nTo make and sign a bundle takes {made:.2f} s of CPU, once for the fleet.\n"
    rows = "".join(
        f"| {one['hosts']} | {one['cost']['wall']:.1f} | {one['cost']['cpu']:.1f} | {one['cost']['main']:.1f} | "
        f"{one['cost']['memory']:.0f} |\n"
        for one in note["inventories"]
    )
    return f"""{text}
What Ansible's first process does for a host and a task is too little to be seen beside its looking for results, which
it does every millisecond. So the same is measured with many hosts that do nothing (`debug`, no connection):

| hosts | wall, s | CPU, s | of it the first process | peak, MiB |
|---|---|---|---|---|
{rows}"""


def bounds(
    found: Way, main: Line, tasks: int, count: int, forks: int, cores: int
) -> dict[str, float]:
    """Seconds that a push takes at least, by what limits it.

    main  processor time of Ansible's first process over the number of hosts, for one task
    """
    return {
        "serial": main.base + main.slope * count * tasks,
        "workers": max(found.work.slope, 0.0) * count / (cores - 1),
        "rounds": (found.work.slope + found.hosts.slope) * count / forks,
    }


def _pushed(note: dict[str, Any], ways: dict[str, Way]) -> str:
    many = note["inventories"]
    main = through([(one["hosts"], one["cost"]["main"]) for one in many])
    grown = through([(one["hosts"], one["cost"]["memory"]) for one in many])
    text = f"""
## {LARGE:,} hosts, pushed, on paper

A controller with {CORES} cores like this machine's, for itself. What takes longest of three decides: Ansible's first
process, which sees to each task of each host on one core (serial), its forks on the other cores (workers), forks that
wait for their hosts (rounds; a host needs as long as it needed CPU here, on a core of its own). Minutes.

| way | forks | serial | workers | rounds | decides | memory, GiB |
|---|---|---|---|---|---|---|
"""
    for name, found in ways.items():
        for forks in FORKS:
            least = bounds(found, main, TASKS[name], LARGE, forks, CORES)
            longest = max(least, key=lambda word: least[word])
            times = " | ".join(f"{seconds / 60:.1f}" for seconds in least.values())
            size = (found.memory.at(forks) + grown.slope * LARGE) / 1024
            text += f"| {TITLES[name]} | {forks} | {times} | {longest} | {size:.1f} |\n"
    return text


def _pulled(note: dict[str, Any]) -> str:
    rows = ""
    for name in PULLED:
        found = of(note, name)
        asked = middle(sum(one["requests"].values()) / one["hosts"] for one in found)
        sent = middle(one["sent"] / one["hosts"] for one in found)
        rate, traffic = asked * LARGE / PERIOD, sent * LARGE / PERIOD
        rows += (
            f"| {TITLES[name]} | {asked:.0f} | {sent / 1000:.1f} | {LARGE / PERIOD:.1f} | {rate:.1f} | "
            f"{traffic * 8 / 1e6:.2f} | {sent * LARGE / 1e6:.0f} |\n"
        )
    return f"""
## {LARGE:,} hosts, pulling, on paper

Each host once in {PERIOD // 60} minutes, at a moment of its own. The bundle has {note["bundle_bytes"]} bytes here: what
yours has more, compressed by nothing, comes on top of each update, and so does each image that a host does not have.

| way | requests per host | kB per host, with frames | hosts per s | requests per s | Mbit/s | MB, the fleet once |
|---|---|---|---|---|---|---|
{rows}"""


def _knobs(note: dict[str, Any]) -> str:
    if not note["knobs"]:
        return ""
    size = note["knobs"][0]["hosts"]
    text = (
        "\n## What Ansible's settings do\n\n"
        f"The play that changes nothing, on {size} hosts, in turn; medians.\n\n"
        "| settings | wall, s | controller: CPU, s | hosts: CPU, s | controller: peak, MiB |\n|---|---|---|---|---|\n"
    )
    for name in dict.fromkeys(one["name"] for one in note["knobs"]):
        found = [one for one in note["knobs"] if one["name"] == name]
        cells = [
            middle(one["cost"]["wall"] for one in found),
            middle(one["cost"]["cpu"] for one in found),
            middle(one["host_cpu"] for one in found),
        ]
        peak = middle(one["cost"]["memory"] for one in found)
        text += f"| {name} | {' | '.join(f'{cell:.1f}' for cell in cells)} | {peak:.0f} |\n"
    return text
