# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of the host that is run to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from podwright.kernel import spawn
from tests.support.paths import CHECKOUT

IGNORING = """
import signal
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
from podwright.kernel import spawn
print(spawn.run(["/bin/grep", "SigIgn", "/proc/self/status"])[1])
"""


def test_its_status_and_what_it_says() -> None:
    assert spawn.run(["/bin/sh", "-c", "cat; echo x >&2; exit 3"], b"in\n") == (3, "in\nx\n")
    assert spawn.run(["/bin/sh", "-c", "kill -9 $$"]) == (137, "")


def test_one_that_did_not_end_was_waited_for_without_end() -> None:
    status, text = spawn.run(["/bin/sh", "-c", "echo begun; exec sleep 1000"], timeout=0.5)
    assert status == spawn.TIMED_OUT
    assert text.endswith("it has not ended within 0 s")
    assert spawn.run(["/bin/echo", "x"], timeout=60.0) == (0, "x\n")


def test_it_inherits_what_it_is_to_hold(tmp_path: Path) -> None:
    target = f"/proc/self/fd/{spawn.KEPT}"
    with (tmp_path / "lock").open("w") as file:
        held = spawn.run(["/usr/bin/readlink", target], keep=file.fileno())
    assert held == (0, f"{tmp_path / 'lock'}\n")


def test_it_can_be_ended_though_we_ignore_signals() -> None:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "agent")}
    done = subprocess.run(
        [sys.executable, "-c", IGNORING],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout.split()[1], 16) & 0x4007 == 0, "HUP, INT, QUIT, TERM"
