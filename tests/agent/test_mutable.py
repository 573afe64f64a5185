# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods whose apps come and go while they run (behaviour.md B12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.mutable_bed import Sandbox
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
LIVE = "trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait; done"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str) -> dict[str, object]:
    return aci.app(["/bin/sh", "-c", script])


def test_apps_come_and_go(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(app=shell(LIVE))
    with Sandbox(trusting, "--net=none", "--hostname=box") as box:
        assert box.states() == {}
        before = box.held()
        assert box.ok("add", image, "--name=one") == "one\n"
        assert box.states() == {"one": "created"}
        box.ok("start", "--app=one")
        assert box.states() == {"one": "running"}
        box.start(image, "two")
        assert box.says("two", "hostname; cat /proc/1/comm") == "box\npodwright-init\n"
        box.ok("stop", "--app=one")
        fares = box.fares("one")
        assert (fares["state"], fares["exit_code"], fares["exit_reason"]) == (
            "exited",
            0,
            "stopped-by-pod",
        )
        assert box.states() == {"one": "exited", "two": "running"}
        box.ok("rm", "--app=one")
        assert box.states() == {"two": "running"}
        box.ok("stop", "--app=two")
        box.ok("rm", "--app=two")
        assert box.held() == before
        status, out, err = box.end()
    assert (status, err) == (0, "")
