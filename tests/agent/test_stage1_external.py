# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stage1 image of somebody's: the example of docs/examples/stage1-chroot, built, signed and driven as its README says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.paths import CHECKOUT

Build = Callable[..., Path]
PATIENCE = 60.0
EXAMPLE = CHECKOUT / "docs" / "examples" / "stage1-chroot"


@pytest.fixture
def stage1(agent: Agent, lab: Keys, tmp_path: Path) -> Path:
    """The example as an image, signed with a key that the agent trusts."""
    agent.trust(lab.key, "example.com")
    made = tmp_path / "stage1-chroot.aci"
    agent.ok("image", "build", EXAMPLE, made, "--owner=0:0")
    lab.key.sign(made)
    return made


def shell(script: str) -> dict[str, object]:
    """An app that runs a script."""
    return aci.app(["/bin/sh", "-c", script])


@pytest.fixture
def image(stage1: Path, signed_image: Build) -> Path:
    """An image whose app runs until it is asked to end."""
    return signed_image()


class Running:
    """A pod that runs in the background, ended with the host."""

    def __init__(self, agent: Agent, tmp_path: Path, *arguments: str | Path) -> None:
        self.agent = agent
        self.file = tmp_path / "uuid"
        command = [*agent.command, "run", "--net=none", f"--uuid-file-save={self.file}"]
        self.process = agent.host.popen([*command, *map(str, arguments)])

    @property
    def uuid(self) -> str:
        return self.file.read_text().strip()

    @property
    def path(self) -> Path:
        """Of its directory, wherever that lies now."""
        return next(self.agent.data.glob(f"pods/*/{self.uuid}"))

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"{what}: never; {self.ended(0)}"
            assert self.process.poll() is None or holds(), f"{what}: {self.ended()}"
            time.sleep(0.02)

    def ready(self) -> Running:
        """Wait until it is."""
        self.wait(self.file.exists, "UUID file")
        done = self.agent("status", "--wait-ready=60s", self.uuid)
        assert done.exit == 0, (done, self.ended(0))
        return self

    def ended(self, timeout: float = PATIENCE) -> tuple[int, str, str]:
        """How it ended."""
        if not timeout:
            self.process.kill()
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def status(self) -> dict[str, Any]:
        """What `status` says."""
        found: dict[str, Any] = json.loads(self.agent.ok("status", "--format=json", self.uuid))
        return found


@pytest.mark.parametrize("status", [0, 7])
def test_run_returns_the_status_of_the_app(
    agent: Agent, stage1: Path, signed_image: Build, status: int
) -> None:
    image = signed_image(app=shell(f"echo hello from $$ in $(hostname); exit {status}"))
    command = ["run", f"--stage1-path={stage1}", "--net=none", "--hostname=box", str(image)]
    result = agent(*command)
    assert (result.exit, result.stdout) == (status, "hello from 2 in box\n")


def test_a_running_pod_is_listed_entered_and_stopped(
    agent: Agent, stage1: Path, image: Path, tmp_path: Path
) -> None:
    pod = Running(agent, tmp_path, f"--stage1-path={stage1}", image).ready()
    status = pod.status()
    assert (status["state"], status["ready"], status["apps"][0]["state"]) == (
        "running",
        True,
        "running",
    )
    assert status["pid"] == int((pod.path / "pid").read_text())
    assert pod.uuid[:8] in agent.ok("list")
    entered = agent("enter", pod.uuid, "/bin/sh", "-c", "echo $AC_APP_NAME in $(hostname); exit 5")
    assert (entered.exit, entered.stdout) == (5, f"tiny in rkt-{pod.uuid}\n")
    assert agent.ok("stop", pod.uuid) == f'"{pod.uuid}"\n'
    assert pod.ended()[0] == 0
    status = pod.status()
    assert (status["state"], status["exit_reason"]) == ("exited", "stopped")
    assert status["apps"][0]["exit_code"] == 0
    agent.ok("rm", pod.uuid)
    assert list(agent.data.glob(f"pods/*/{pod.uuid}")) == []
