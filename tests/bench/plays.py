# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play that changes nothing, with 20 pods on a host, against 20 containers and `podman_containers`: one task each.

Both lists are one call of one module, on the same host, connection local. Podman's side is the collection
containers.podman as it is in the package `ansible` (tests/wheels.txt).
"""

from __future__ import annotations

import json
import os
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.bench.measure import Figures
from tests.bench.table import Row
from tests.support import wheels
from tests.support.agent import Agent
from tests.support.filelock import build_once
from tests.support.paths import AGENT, CACHE
from tests.support.private_host import PrivateHost
from tools import collection

PACKAGE = "ansible==12.3.0"
PEER = "ansible_collections/containers/podman/"
COUNT = 20
RUNS = 11
BUDGET = 0.3
SLEEP = ["/bin/sleep", "100000"]


class Compare(Protocol):
    """What times commands in turn."""

    def __call__(self, *commands: Sequence[str], runs: int) -> list[Figures]: ...


def peer() -> Path:
    """The directory of collections with containers.podman."""

    def unpack(partial: Path) -> None:
        with zipfile.ZipFile(wheels.download(PACKAGE)) as archive:
            archive.extractall(partial, [n for n in archive.namelist() if n.startswith(PEER)])

    return build_once(CACHE / "peers" / PACKAGE, unpack)


class Plays:
    """Playbooks of both sides, and how to run them on the host."""

    def __init__(
        self, host: PrivateHost, agent: Agent, podman: Sequence[str], scratch: Path
    ) -> None:
        self.host, self.agent = host, agent
        self.base = scratch / "plays"
        self.base.mkdir()
        self.podman = self.base / "podman"
        self.podman.write_text(f'#!/bin/sh\nexec {shlex.join(podman)} "$@"\n')
        self.podman.chmod(0o755)
        names = [f"play-{number}" for number in range(COUNT)]
        self.ours = self._book("ours", "podwright.fleet.pod", self._pods(names))
        containers = [self._container(name) for name in names]
        self.theirs = self._book(
            "theirs", "containers.podman.podman_containers", {"containers": containers}
        )
        self.bare = self._book("bare", "ansible.builtin.ping", {})
        self.gone = [
            self._book("our-end", "podwright.fleet.pod", {**self._pods(names), "state": "absent"}),
            self._book(
                "their-end",
                "containers.podman.podman_containers",
                {"containers": [{**one, "state": "absent"} for one in containers]},
            ),
        ]

    def _pods(self, names: Sequence[str]) -> dict[str, Any]:
        app = {"image": "example.com/tiny:1.0", "net": "none", "ready": {"seconds": 0}}
        exe = {"exec": SLEEP}
        return {
            "pods": [{"name": name, **app, **exe} for name in names],
            "agent_path": str(AGENT),
            "data_dir": str(self.agent.data),
            "local_config": str(self.agent.local),
        }

    def _container(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "image": "localhost/tiny",
            "command": SLEEP,
            "network": "none",
            "state": "started",
            "executable": str(self.podman),
        }

    def _book(self, name: str, module: str, options: Mapping[str, Any]) -> list[str]:
        """Write a playbook of one task; the command that plays it."""
        path = self.base / f"{name}.json"
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [{module: dict(options)}]}
        path.write_text(json.dumps([play]))
        env = {
            "ANSIBLE_COLLECTIONS_PATH": f"{collection.installed()}:{peer()}",
            "ANSIBLE_HOME": str(self.base / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{CACHE}/venv/bin:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }
        return ["env", *(f"{k}={v}" for k, v in env.items()), "ansible-playbook", str(path)]

    def play(self, command: Sequence[str]) -> str:
        """Run a playbook, which must succeed; its output."""
        return self.host.run(command, timeout=600).check().stdout

    def row(self, compare: Compare) -> tuple[Row, Figures]:
        """Start everything, see that nothing changes, measure; and what a play with `ping` takes."""
        for command in (self.ours, self.theirs):
            assert "changed=1" in self.play(command), command
            assert "changed=0" in self.play(command), "a second run has changed something"
        running = len(self.host.run([str(self.podman), "ps", "-q"]).check().stdout.split())
        listed = json.loads(self.agent.ok("list", "--format=json"))
        pods = [one for one in listed if one["state"] == "running"]
        assert running == len(pods) == COUNT, (running, len(pods))
        ours, theirs, bare = compare(self.ours, self.theirs, self.bare, runs=RUNS)
        for command in self.gone:
            self.play(command)
        what = f"play that changes nothing, {COUNT} pods, one task"
        return Row(what, f"≤ {BUDGET} x", ours, theirs, "`podman_containers`", BUDGET), bare
