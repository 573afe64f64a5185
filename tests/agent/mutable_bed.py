# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods that change while they run: `with Sandbox(agent) as box: box.app("add", image, "--name=x")`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.support.agent import Agent
from tests.support.private_host import Result

T = TypeVar("T")


class Sandbox:
    """A pod that `app sandbox` runs in the background; stopped, and waited for, at the end."""

    def __init__(self, agent: Agent, *options: str, env: dict[str, str] | None = None) -> None:
        self.agent = agent
        command = [*agent.command, "app", "sandbox", *(options or ("--net=none",))]
        self.process = agent.host.popen(command, env=env)
        assert self.process.stdout is not None
        self.uuid = self.process.stdout.readline().strip()
        assert len(self.uuid) == 36, (self.uuid, self.process.communicate())

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.agent("stop", "--force", self.uuid)
        self.process.communicate(timeout=60)

    def end(self) -> tuple[int, str, str]:
        """Stop the pod as people do: its status, the rest of its output, its errors."""
        self.agent.ok("stop", self.uuid)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.agent.data / "pods/run" / self.uuid

    def app(self, verb: str, *words: str | Path, env: dict[str, str] | None = None) -> Result:
        """`podwright app VERB UUID WORDS`."""
        return self.agent("app", verb, self.uuid, *words, env=env)

    def ok(self, verb: str, *words: str | Path) -> str:
        """The same, which must succeed; what it prints."""
        return self.app(verb, *words).check().stdout

    def start(self, image: str | Path, name: str, *words: str) -> None:
        """Add an app and start it."""
        assert self.ok("add", image, f"--name={name}", *words) == f"{name}\n"
        self.ok("start", f"--app={name}")

    def says(self, name: str, script: str) -> str:
        """The output of a shell script in an app."""
        return self.agent.ok("app", "exec", f"--app={name}", self.uuid, "/bin/sh", "-c", script)

    def fares(self, name: str) -> dict[str, Any]:
        """What `app status` says of an app."""
        found: dict[str, Any] = json.loads(self.ok("status", f"--app={name}", "--format=json"))
        return found

    def until(self, name: str, state: str) -> dict[str, Any]:
        """What `app status` says when the app is in a state."""
        deadline = time.monotonic() + 60
        while (found := self.fares(name))["state"] != state:
            assert time.monotonic() < deadline, found
        return found

    def states(self) -> dict[str, str]:
        """The state of each app, as `app list` says."""
        lines = self.ok("list", "--no-legend").splitlines()
        return dict(line.split() for line in lines)

    def init(self) -> int:
        """The pid of its PID 1, by the numbers of the private host."""
        pid: int = json.loads((self.path / "init").read_text())["pid"]
        return pid

    def held(self) -> tuple[list[str], int]:
        """The mount points that PID 1 has, and how many descriptors."""
        script = (
            f"awk '{{print $5}}' /proc/{self.init()}/mountinfo; ls /proc/{self.init()}/fd | wc -l"
        )
        *points, count = self.agent.host.run(["sh", "-c", script]).check().stdout.split()
        return points, int(count)


def settled(look: Callable[[], T], wanted: T) -> T:
    """What `look` finds, which is waited for as long as it is something else."""
    deadline = time.monotonic() + 60
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
