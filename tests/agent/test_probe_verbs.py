# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes as they are asked for on the command line and in the desired state, and what the verbs tell of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import AGENT_ERROR, Agent

Build = Callable[..., Path]
PATIENCE = 60.0
SERVE = "trap 'exit 0' TERM; sleep 1000 & wait"
SERVING = "--readiness=exec:/bin/test -e /up,interval=100ms,failure-threshold=1"


@pytest.fixture
def shell(agent: Agent, lab: Keys, signed_image: Build) -> Agent:
    """An agent with an image that runs shell scripts."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image(app=aci.app(["/bin/sh", "-c"])))
    return agent


@contextmanager
def running(agent: Agent, script: str, *options: str, notify: str = "") -> Iterator[str]:
    """The UUID of a pod that runs a script; `notify` is the socket of a service manager."""
    saved = agent.data.parent / "uuid"
    env = {"NOTIFY_SOCKET": notify} if notify else None
    words = ["run", "--net=none", f"--uuid-file-save={saved}", "example.com/tiny:1.0"]
    process = agent.host.popen([*agent.command, *words, *options, "--", script], env=env)
    try:
        wait_until(lambda: saved.exists() and saved.read_text(), "a UUID")
        pod = saved.read_text().strip()
        wait_until((agent.data / f"pods/run/{pod}/pid").exists, "it runs")
        yield pod
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # nsenter's group: the pod's parent is in it
        process.communicate(timeout=PATIENCE)


class Manager:
    """A service manager that listens."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(PATIENCE)

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def hears(self, line: str) -> None:
        """Wait until this is said."""
        while line not in self.socket.recv(4096).decode().splitlines():
            continue


def wait_until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def status(agent: Agent, pod: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(agent.ok("status", "--format=json", pod, *options))
    return found


def inside(agent: Agent, pod: str, script: str) -> str:
    return agent.ok("enter", pod, "/bin/sh", "-c", script)


def test_status_and_list_follow_the_probes(shell: Agent) -> None:
    manager = Manager(shell.data.parent / "n")
    with manager, running(shell, SERVE, SERVING, notify=manager.address) as pod:
        wait_until(lambda: status(shell, pod)["apps"][0]["last_failure"], "a failure")
        seen = status(shell, pod)
        (app,) = seen["apps"]
        assert (seen["ready"], app["ready"], app["probes"]) == (False, False, ["readiness"])
        assert app["last_failure"]["probe"] == "readiness"
        assert app["last_failure"]["text"] == "/bin/test: ended with 1"
        assert "is not ready after 100ms" in shell.refused("status", pod, "--wait-ready=100ms")
        lines = shell.ok("status", pod).splitlines()
        assert "app-tiny.ready=false" in lines
        told = (
            f"app-tiny.last-failure={app['last_failure']['at']} readiness: /bin/test: ended with 1"
        )
        assert told in lines
        titles, row = (line.split("\t") for line in shell.ok("list").splitlines())
        assert (titles[-1].strip(), row[-1].strip()) == ("READY", "no")
        inside(shell, pod, "touch /up")
        assert status(shell, pod, "--wait-ready")["apps"][0]["ready"] is True
        assert "app-tiny.ready=true" in shell.ok("status", pod).splitlines()
        assert shell.ok("list", "--no-legend").split("\t")[-1].strip() == "yes"
        manager.hears("READY=1")
        inside(shell, pod, "rm /up")
        why = "app tiny: readiness: /bin/test: ended with 1"
        manager.hears(f"STATUS=pod {pod} is not ready: {why}")
        inside(shell, pod, "touch /up")
        manager.hears(f"STATUS=pod {pod} is ready")


def test_the_parent_sleeps_on_while_probes_succeed(shell: Agent) -> None:
    script = f"printf '#!/bin/sh\\necho x >> /tries\\n' > /ask; chmod +x /ask; touch /up; {SERVE}"
    asks = "--liveness=exec:/ask,interval=100ms,failure-threshold=100"
    with running(shell, script, SERVING, asks) as pod:
        parent = (shell.data / f"pods/run/{pod}/ppid").read_text().strip()

        def told(file: str) -> str:
            return shell.host.run(["cat", f"/proc/{parent}/{file}"]).check().stdout

        def switches() -> list[str]:
            return [line for line in told("status").splitlines() if "ctxt_switches" in line]

        def tries() -> int:
            return int(inside(shell, pod, "wc -l < /tries"))

        def sleeps() -> bool:
            return told("comm") == "podwright-wait\n" and "State:\tS" in told("status")

        wait_until(sleeps, "small")
        asked = tries()
        wait_until(lambda: tries() > asked + 2, "asked")
        before, asked = switches(), tries()
        wait_until(lambda: tries() > asked + 10, "asked on")
        assert (told("comm"), switches()) == ("podwright-wait\n", before)
        inside(shell, pod, "rm /up")
        wait_until(lambda: status(shell, pod)["ready"] is False, "not ready")
        inside(shell, pod, "touch /up")
        wait_until(lambda: status(shell, pod)["ready"] is True, "ready again")


def apply(agent: Agent, **pod: Any) -> dict[str, Any]:
    """What `apply` answers about one pod."""
    wanted = {"name": "web", "image": "example.com/tiny:1.0", "net": "none", "restart": "no", **pod}
    answer: dict[str, Any] = json.loads(agent("apply", stdin=json.dumps({"pods": [wanted]})).stdout)
    return answer


def test_apply_waits_for_probes_and_tells_of_pods_that_are_not_ready(shell: Agent) -> None:
    asks = {"exec": ["/bin/test", "-e", "/up"], "interval": 0.1, "failure_threshold": 1}
    script = f"echo started; sleep 0.5; touch /up; {SERVE}"
    pod = {"args": [script], "readiness": asks, "startup": {"exec": ["/bin/true"]}}
    try:
        first = apply(shell, **pod)
        assert first["pods"][0]["error"] is None, first
        assert (first["pods"][0]["ready"], first["warnings"]) == (True, [])
        again = apply(shell, **pod)
        assert (again["changed"], again["warnings"]) == (False, [])
        inside(shell, "web", "rm /up")
        wait_until(lambda: status(shell, "web")["ready"] is False, "not ready")
        told = apply(shell, **pod)
        assert (told["changed"], told["pods"][0]["ready"]) == (False, False)
        assert told["warnings"] == [
            "pod web: it runs, but is not ready: app tiny: readiness: /bin/test: ended with 1"
        ]
        worse = apply(shell, **{**pod, "args": [SERVE], "ready": {"timeout": 3}})
        error = worse["pods"][0]["error"]
        assert error["reason"] == "not-ready"
        assert "readiness: /bin/test: ended with 1" in error["message"], error
        assert worse["pods"][0]["rolled_back"] is True
    finally:
        apply(shell, state="absent")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--liveness=https:443/"], "a probe speaks plain HTTP only"),
        (["--liveness=tcp:web"], "app tiny.liveness: the app has no TCP port called web"),
        (["--liveness=tcp:1", "--liveness=tcp:2"], "--liveness"),
        (["--readiness=tcp:1", "--ready-tcp=1"], "exclude each other"),
    ],
)
def test_what_cannot_be_asked_is_refused(shell: Agent, options: list[str], says: str) -> None:
    result = shell("run", "--net=none", "example.com/tiny:1.0", *options, "--", "true")
    assert result.exit == AGENT_ERROR
    assert says in result.stderr
    assert shell.ok("list", "--no-legend") == ""
