# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A crowd of pods that are started at the same moment: all run, none says a word, nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.rush import rush

Build = Callable[..., Path]
COUNT = 110


@pytest.mark.parametrize("net", [pytest.param("none", marks=pytest.mark.thorough), "default"])
def test_110_pods_started_at_once_all_run(
    agent: Agent, lab: Keys, signed_image: Build, net: str
) -> None:
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    rushed = rush(agent, [f"--net={net}", "example.com/tiny:1.0"], COUNT)
    assert {text for text, _ in rushed.ended} == {""}
    assert rushed.running == COUNT
    # ended by our SIGTERM: the app, or, where it had not begun yet, the agent itself
    assert {status for _, status in rushed.ended} <= {0, 143, -15}
    states = agent.ok("list", "--no-legend").splitlines()
    assert [line.split("\t")[4] for line in states] == ["exited"] * COUNT
    agent.ok("gc", "--grace-period=0s", timeout=300)
    agent.ok("gc", "--grace-period=0s", timeout=300)
    assert agent.ok("list", "--no-legend") == ""


def test_a_stop_that_comes_before_the_app_is_not_lost(
    agent: Agent, lab: Keys, signed_image: Build
) -> None:
    """PID 1 may get it while it is still the host's root, when the sender shows as who it is."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    run = [*agent.command, "run", "--net=none", "example.com/tiny:1.0", "--exec=/bin/sleep"]
    script = """
import subprocess, sys, time
for moment in range(40):
    pod = subprocess.Popen([*sys.argv[1:], "--", "3600"])
    time.sleep(0.01 + moment * 0.004)
    pod.terminate()
    print(pod.wait(timeout=60))
"""
    out = (
        agent.host.run(["/usr/bin/python3", "-IS", "-c", script, *run], timeout=200).check().stdout
    )
    assert set(out.split()) <= {"0", "143", "-15"}
