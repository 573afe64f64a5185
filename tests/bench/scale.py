# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet costs, pushed to and pulling: `python -m tests.bench.scale [--sizes 10,20,30,50] [--rounds 2]`.

`--ways "rollout update,rollout no-op" --add` measures only these, and puts them in place of those of the last run.

Boots as many systemd hosts as the largest size says, installs the agent by its role, and measures ways to do nothing
and to change one pod per host, in turn, on the first hosts of each size. Writes the figures to .cache/scale/fleet.json
and, with --write, the lower part of docs/scale.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import meter, scale_page
from tests.bench.scale_fleet import FORKS, PODS, SETS, ScaleFleet, room
from tests.support.gpglab import GpgLab
from tests.support.paths import CACHE

STATE = CACHE / "fleets/scale"
TARGET = CACHE / "scale/fleet.json"
WAYS = (
    "ping", "module update", "module no-op", "pull update", "pull no-op", "rollout update",
    "rollout no-op",
)  # fmt: skip
KNOBS: tuple[tuple[str, tuple[str, ...], dict[str, str]], ...] = (
    (f"as above: {FORKS} forks, pipelining, strategy linear, no facts", (), {}),
    ("5 forks, Ansible's default", (), {"ANSIBLE_FORKS": "5"}),
    ("no pipelining, Ansible's default", (), {"ANSIBLE_PIPELINING": "false"}),
    ("strategy free", (), {"ANSIBLE_STRATEGY": "free"}),
    ("facts are gathered, Ansible's default", ("-e", "facts=true"), {}),
)


def say(text: str) -> None:
    """A line of progress."""
    print(f"{time.strftime('%T')} scale: {text}", flush=True)


def load() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def turns(
    fleet: ScaleFleet, sizes: list[int], rounds: int, ways: Sequence[str], note: dict[str, Any]
) -> None:
    """All these ways on all sizes, in turn; each figure is kept as soon as it is there."""
    for number in range(rounds):
        for size in sizes if number % 2 == 0 else reversed(sizes):
            for way in ways:
                word = f"{number}-{size}"
                if way == "pull update":
                    note["bundles"].append(dataclasses.asdict(fleet.bundle(word)))
                try:
                    found = fleet.turn(way, size, word)
                except (AssertionError, RuntimeError) as error:
                    # What went wrong is no figure; the others are not lost by it.
                    note["wrong"].append([size, way, str(error)[-3000:]])
                    say(f"{size} hosts, {way}: failed, see wrong in {TARGET.name}")
                    keep(note)
                    continue
                note["turns"].append({**dataclasses.asdict(found), "load": load()})
                keep(note)
                cost = f", controller {found.controller.cpu:.1f} s" if found.controller else ""
                say(f"{size} hosts, {way}: {found.wall:.1f} s{cost}, hosts {found.host_cpu:.1f} s")


def knobs(fleet: ScaleFleet, size: int, rounds: int, note: dict[str, Any]) -> None:
    """A play that changes nothing, with other settings of Ansible's, in turn."""
    for _ in range(rounds):
        for name, flags, env in KNOBS:
            used = fleet.host_cpu(size)
            cost, _ = fleet.play("module", size, *flags, env=env)
            found = {
                "name": name,
                "hosts": size,
                "cost": dataclasses.asdict(cost),
                "host_cpu": fleet.host_cpu(size) - used,
            }
            note["knobs"].append(found)
            keep(note)
            say(f"{name}: {cost.wall:.1f} s")


def inventories(note: dict[str, Any], sizes: Sequence[int] = (100, 300, 600)) -> None:
    """What Ansible itself does for each of many hosts that do nothing."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        play = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.debug": None}]}
        (base / "play.json").write_text(json.dumps([play]))
        env = {
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "HOME": name,
            "ANSIBLE_HOME": name,
            "ANSIBLE_FORKS": str(FORKS),
            "LC_ALL": "C.UTF-8",
        }
        for size in sizes:
            hosts: dict[str, Any] = {f"host{number}": {} for number in range(size)}
            (base / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
            command = ["ansible-playbook", "-i", "hosts.json", "play.json"]
            cost, _ = meter.measured(command, env, base, 900)
            note["inventories"].append({"hosts": size, "cost": dataclasses.asdict(cost)})
            keep(note)
            say(f"{size} hosts that do nothing: {cost.wall:.1f} s, CPU {cost.cpu:.1f} s")


def keep(note: dict[str, Any]) -> None:
    """Write what is known so far."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(note, indent=1))


def idle(fleet: ScaleFleet, seconds: float = 10) -> float:
    """Seconds of processor time that a host uses in a second when nobody wants anything."""
    count = len(fleet.fleet.hosts)
    before = fleet.host_cpu(count)
    time.sleep(seconds)
    return (fleet.host_cpu(count) - before) / seconds / count


def added(note: dict[str, Any], sizes: list[int], ways: Sequence[str]) -> dict[str, Any]:
    """The figures of the last run without those that are to be measured again."""
    last: dict[str, Any] = json.loads(TARGET.read_text())
    kept = [turn for turn in last["turns"] if turn["way"] not in ways or turn["hosts"] not in sizes]
    wrong = [one for one in last["wrong"] if one[1] not in ways or one[0] not in sizes]
    return {**last, "date": note["date"], "turns": kept, "wrong": wrong}


def measure(
    sizes: list[int],
    rounds: int,
    ways: Sequence[str] = WAYS,
    *,
    add: bool = False,
    state: Path = STATE,
) -> dict[str, Any]:
    """Boot, install, measure, destroy."""
    note: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}",
        "forks": FORKS,
        "pods": PODS * len(SETS),
        "bundles": [],
        "turns": [],
        "wrong": [],
        "knobs": [],
        "inventories": [],
    }
    note = added(note, sizes, ways) if add else note
    count = max(sizes)
    with room(count), GpgLab() as lab:
        say(f"boot {count} hosts")
        fleet = ScaleFleet(state, count, lab)
        try:
            say("install the agent and run the pods")
            fleet.furnish(sizes)
            note["memory"], note["idle"] = fleet.host_memory(), idle(fleet)
            note["bundle_bytes"] = (fleet.fleet.www / "fleet.json").stat().st_size
            say(f"a host has {note['memory']:.0f} MiB; idle, it uses {note['idle']:.4f} of a core")
            turns(fleet, sizes, rounds, ways, note)
            if not add:
                knobs(fleet, min(sizes, key=lambda size: abs(size - 20)), rounds, note)
        finally:
            fleet.close()
    if not add:
        inventories(note)
    return note


def main() -> int:
    """Measure, and show the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,20,30,50", help="numbers of hosts")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ways", default=",".join(WAYS), help="what to measure")
    parser.add_argument("--add", action="store_true", help="to the figures of the last run")
    parser.add_argument("--write", action="store_true", help="write docs/scale.md")
    parser.add_argument("--again", action="store_true", help="the figures of the last run")
    options = parser.parse_args()
    if options.again:
        note = json.loads(TARGET.read_text())
    else:
        sizes = [int(word) for word in options.sizes.split(",")]
        note = measure(sizes, options.rounds, options.ways.split(","), add=options.add)
    text = scale_page.render(note)
    print(text)
    if options.write:
        scale_page.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
