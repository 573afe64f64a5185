# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far hosts are with their downloads, in the live view of a real rollout; the server sends when it is told to."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.rollout_fleet import Fleet
from tests.support import aci
from tests.support.agent import Agent
from tests.support.namespaces import nsenter
from tests.support.terminal import Terminal
from tests.support.webserver import Handler, ImageServer

MIB = 1048576
TRICKLE = 100
"""Bytes that come five times a second all the same."""
NOISE = "".join(hashlib.sha512(str(number).encode()).hexdigest() for number in range(64 * 1024))
"""Text of which 4 MiB are left when it is compressed."""
MOVING = re.compile(r"(\d+\.\d) of (\d+\.\d) MiB +tiny:1\.0")


class Tap:
    """Lets a part of a file through on each connection, and then as little as keeps the agent waiting."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._open = 0
        self._more = threading.Condition()
        self.size = len(self._data)

    def open(self, part: float) -> None:
        """From now on let this part of the file through."""
        with self._more:
            self._open = int(part * self.size)
            self._more.notify_all()

    def __call__(self, handler: Handler) -> None:
        handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Length", str(self.size))
        handler.end_headers()
        sent = 0
        while handler.command == "GET" and sent < self.size:
            with self._more:
                if self._open <= sent:
                    self._more.wait(0.2)
                until = max(self._open, min(sent + TRICKLE, self.size))
            handler.wfile.write(self._data[sent:until])
            sent = until


@pytest.fixture
def fleet(
    agent: Agent, lab: Keys, published: Callable[..., Path], tmp_path: Path
) -> Iterator[Fleet]:
    """Two hosts that trust the key."""
    agent.trust(lab.key, "example.com")
    made = Fleet(agent.host, tmp_path / "fleet", ("a", "b"), agent.local).prepare()
    yield made
    made.stop()


@pytest.fixture
def image(published: Callable[..., Path]) -> Path:
    """An image of some MiB."""
    sleep = aci.app(["/bin/sh", "-c", "exec sleep 3600"])
    return published("1.0", app=sleep, files={"var/noise": NOISE})


@pytest.fixture
def tap(image: Path, https_server: ImageServer) -> Tap:
    """What the image goes through."""
    tap = Tap(image)
    https_server.answers[f"/{image.relative_to(https_server.root)}"] = tap
    return tap


def pods() -> list[dict[str, Any]]:
    """A pod of that image."""
    return [
        {"name": "web", "image": "example.com/tiny:1.0", "net": "none", "ready": {"seconds": 0.1}}
    ]


def watched(fleet: Fleet, *, columns: int = 120, **more: str) -> Terminal:
    """A rollout on a terminal."""
    callback = {"ANSIBLE_STDOUT_CALLBACK": "podwright.fleet.live", "TERM": "xterm"}
    env = {**os.environ, **fleet.env, **callback, **more}
    return Terminal(nsenter(fleet.host.pid, fleet.command(pods())), env, columns, 40)


def moving(lines: list[str]) -> dict[str, float]:
    """MiB by host, as the panel has them now."""
    found = ((line.split(), MOVING.search(line)) for line in lines)
    return {words[1]: float(match[1]) for words, match in found if match}


def grown(done: dict[str, float], least: float) -> bool:
    """Whether both hosts have more than so much."""
    return done.keys() == {"a", "b"} and min(done.values()) > least


def left(fleet: Fleet) -> list[str]:
    """What is told of downloads on the host."""
    listed = fleet.host.run(["find", "/run/podwright/progress", "-type", "f"])
    return str(listed.stdout).splitlines()


def test_a_terminal_shows_each_hosts_download_moving(fleet: Fleet, tap: Tap) -> None:
    with watched(fleet) as terminal:
        tap.open(0.3)
        terminal.until(lambda lines: moving(lines).keys() == {"a", "b"})
        first = moving(terminal.lines())
        assert all(0 < done < 0.31 * tap.size / MIB for done in first.values())
        (name, _) = left(fleet)
        kept = fleet.host.run(["stat", "-c", "%a %U", name, "/run/podwright/progress"])
        assert kept.stdout.split() == ["600", "root", "700", "root"]
        assert any("2 fetch " in line for line in terminal.lines())
        tap.open(0.8)
        terminal.until(lambda lines: grown(moving(lines), 0.5 * tap.size / MIB))
        tap.open(1)
        assert terminal.wait(250) == 0, "\n".join(terminal.lines())
        assert not moving(terminal.lines())
        assert not any("fetching" in line for line in terminal.lines())
    assert left(fleet) == []
    assert fleet.results() == {"a": "updated", "b": "updated"}


def test_a_log_has_a_line_for_each_host_that_takes_long(fleet: Fleet, tap: Tap) -> None:
    with watched(fleet, PODWRIGHT_LIVE="lines", PODWRIGHT_LIVE_PATIENCE="0.2") as terminal:
        for part in (0.3, 0.6):
            tap.open(part)
            share = re.compile(r"^(a|b)  stage: fetching example.com/tiny:1.0: .* MiB \((\d+) %\)$")

            def told(lines: list[str], share: re.Pattern[str] = share, part: float = part) -> bool:
                found = [match for line in lines if (match := share.match(line))]
                return {one[1] for one in found if int(one[2]) >= (part - 0.3) * 100} == {"a", "b"}

            terminal.until(told)
        tap.open(1)
        assert terminal.wait(250) == 0, "\n".join(terminal.lines())
        lines = [line for line in terminal.lines() if "fetching" in line]
        assert 4 <= len(lines) <= 8, lines


@pytest.mark.parametrize("where", ["auto", "lines"])
def test_nothing_is_said_of_what_is_there_at_once(fleet: Fleet, image: Path, where: str) -> None:
    with watched(fleet, PODWRIGHT_LIVE=where) as terminal:
        assert terminal.wait(250) == 0, "\n".join(terminal.lines())
        assert not any("fetching" in line for line in terminal.lines()), terminal.lines()
        assert any(line.startswith("a  canary: web: ") for line in terminal.lines())
    assert fleet.results() == {"a": "updated", "b": "updated"}
    assert image.stat().st_size > MIB
