# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""PID 1 where no more processes can be had: it stays as it was, however often it tries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AGENT = Path(__file__).parents[3] / "agent"
SCRIPT = """
import os, resource, sys, types
sys.path.insert(0, sys.argv[1])
from podwright.stage1.namespaces.identity import Identity
from podwright.stage2 import app as apps
from podwright.stage2.score import PATH, Score

score = Score(os.open(PATH, os.O_RDWR), int(open(PATH).read()), 777)
target = apps.Target(types.SimpleNamespace(system=None), "/", None, 0, (), (), b"", apps.app_spaces(), score=score)
if sys.argv[2] == "processes":
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.setresuid(65534, 65534, 65534)
before = sorted(os.listdir("/proc/self/fd"))
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
for spare in range(5):
    if sys.argv[2] == "descriptors":  # none for a pipe, one, and so on: not enough for all
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) - 1 + min(spare, 3), limit[1]))
    try:
        started = apps.spawn(target, "/bin/true", ("true",), None, apps.Stdio())
    except OSError as err:
        print(err.errno, end=" ")
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert sorted(os.listdir("/proc/self/fd")) == before, os.listdir("/proc/self/fd")
assert int(open(PATH).read()) == score.own
"""


@pytest.mark.threat("T73")
@pytest.mark.parametrize(("lacking", "code"), [("processes", "11"), ("descriptors", "24")])
def test_a_fork_that_fails_leaves_no_descriptor_and_no_score_in_pid_1(
    lacking: str, code: str
) -> None:
    """An app that used up the pod's processes had PID 1 lose two descriptors with each probe."""
    words = [sys.executable, "-IS", "-c", SCRIPT, str(AGENT), lacking]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [code] * 5), done.stderr
