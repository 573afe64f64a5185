# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`check-data`, which the role asks of the agent that it is to install: has a newer one written what it cannot read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

KNOWN = {"version": 1, "record.json": 2, "runtime-config": 2, "1.json": 2}
SLEEPER = """\
import os, sys
fd = os.memfd_create("podwright-state")
os.write(fd, b'{"format": %d}')
print("ready", flush=True)
sys.stdin.read()
"""

PYTHON = ("/usr/bin/python3", "-c")


@pytest.fixture
def used(agent: Agent, published: Callable[..., Path], lab: Keys) -> Agent:
    """An agent that has an image, a prepared pod, and one with a name that is not started."""
    agent.trust(lab.key, "example.com")
    published(app=aci.app(["/bin/sh", "-c", "sleep 1000"]))
    agent.ok("prepare", "example.com/tiny:1.0")
    pod = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "state": "prepared",
        "net": "none",
    }
    agent.apply({"version": 1, "pods": [pod]})
    return agent


def newer(agent: Agent) -> list[dict[str, Any]]:
    """What it finds; its status must agree."""
    done = agent("check-data", "--format=json")
    found: list[dict[str, Any]] = json.loads(done.stdout)["newer"]
    assert done.exit == (1 if found else 0), done
    return found


def files(agent: Agent) -> Iterator[Path]:
    """The files that say which format they have."""
    for name in KNOWN:
        paths = [path for path in agent.data.rglob(name) if not path.is_symlink()]
        assert paths, name
        yield from paths


def test_what_this_agent_wrote_it_reads(used: Agent) -> None:
    assert newer(used) == []
    assert used.ok("check-data") == ""


def test_each_kind_of_file_of_a_newer_agent_is_found_and_named(used: Agent) -> None:
    for path in files(used):
        before = path.read_text()
        known = KNOWN[path.name]
        for number, expected in (
            (known, []),
            (known + 1, [{"path": str(path), "format": known + 1, "known": known}]),
        ):
            path.write_text(json.dumps({**json.loads(before), "format": number}))
            assert newer(used) == expected
        assert used("check-data").stdout == f"{path}: format {known + 1}, known is {known}\n"
        path.write_text(before)


def test_what_is_damaged_is_not_newer(used: Agent) -> None:
    for path in files(used):
        path.write_text("{")
    assert newer(used) == []


def test_a_parent_that_sleeps_and_hands_something_newer_over_is_found(agent: Agent) -> None:
    for number, count in ((1, 0), (2, 1)):
        assert found_beside(agent, *PYTHON, SLEEPER % number) == count


def test_who_is_neither_root_nor_of_the_host_makes_up_no_newer_agent(agent: Agent) -> None:
    """Anybody can make a file of that name in memory, and would keep every upgrade from this host."""
    for stranger in (
        ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"),
        ("unshare", "--pid", "--fork"),
    ):
        assert found_beside(agent, *stranger, *PYTHON, SLEEPER % 2) == 0, stranger
    undumpable = (
        f"import ctypes, os\nos.setuid(12345)\nctypes.CDLL(None).prctl(4, 0)\n{SLEEPER % 2}"
    )
    assert found_beside(agent, *PYTHON, undumpable) == 0, "its files in /proc are root's"


def found_beside(agent: Agent, *command: str) -> int:
    """How much it finds while a sleeper runs."""
    sleeper = agent.host.popen(command)
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "ready\n"
    try:
        return len(newer(agent))
    finally:
        sleeper.communicate(timeout=60)


def test_what_is_remembered_of_fleets_counts(agent: Agent) -> None:
    place = agent.data / "pull" / "sha512-0123"
    place.mkdir(parents=True)
    for name in ("serial.json", "owned.json"):
        for number, count in ((1, 0), (2, 1)):
            (place / name).write_text(json.dumps({"format": number}))
            assert len(newer(agent)) == count
        (place / name).unlink()


def test_an_empty_host_has_nothing_newer(agent: Agent) -> None:
    assert newer(agent) == []
