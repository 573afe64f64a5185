# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples for hosts without systemd: a pod as a service of a real runit; OpenRC's as the shell reads it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent import Agent
from tests.support.debian import package_files
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

EXAMPLES = CHECKOUT / "docs/examples"


def running(agent: Agent) -> str:
    """The UUID of the pod while it runs and is ready, else ""."""
    pods = json.loads(agent.ok("list", "--format=json"))
    found = [str(pod["name"]) for pod in pods if pod["state"] == "running" and pod["ready"]]
    return next(iter(found), "")


def wait(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_runit_runs_a_pod(
    private_host: PrivateHost, agent: Agent, published: Callable[..., Path], tmp_path: Path
) -> None:
    """It is started, started again when it was killed, and ends when runit is asked to stop it."""
    runit = package_files("runit")
    published(version="1.0")
    wanted = {"name": "web", "image": "example.com/tiny:1.0", "net": "none", "state": "prepared"}
    agent.apply({"pods": [{**wanted, "insecure_options": ["image"]}]})
    service = tmp_path / "services/podwright-web"
    service.mkdir(parents=True)
    text = (EXAMPLES / "runit-run").read_text()
    command = " ".join(agent.command)
    assert text.count("/usr/bin/podwright ") == 1
    (service / "run").write_text(text.replace("/usr/bin/podwright", command))
    (service / "run").chmod(0o755)
    path = f"{runit}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    with private_host.popen(["runsvdir", str(service.parent)], env={"PATH": path}) as runsvdir:
        try:
            wait(lambda: running(agent))
            first = running(agent)
            private_host.run(["sv", "kill", str(service)], env={"PATH": path}).check()
            wait(lambda: running(agent) not in ("", first))
            private_host.run(["sv", "-w", "60", "down", str(service)], env={"PATH": path}).check()
            wait(lambda: not running(agent))
        finally:
            runsvdir.terminate()


@pytest.mark.parametrize("name", ["openrc-pod", "runit-run"])
def test_the_shell_reads_the_examples(name: str) -> None:
    subprocess.run(["/bin/sh", "-n", EXAMPLES / name], check=True)
    assert "podwright supervise" in (EXAMPLES / name).read_text().replace(
        '/usr/bin/podwright\ncommand_args="', "podwright "
    )
