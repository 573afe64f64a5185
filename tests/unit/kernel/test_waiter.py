# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that waits in the place of a pod's parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from podwright.kernel import waiter

SOURCES = Path(__file__).parents[3] / "tools/waiter"
AWAITED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)
TOOLS = {"x86_64": "", "aarch64": "aarch64-linux-gnu-"}


@pytest.mark.parametrize("machine", waiter.CODE)
def test_the_code_is_what_its_source_assembles_to(machine: str, tmp_path: Path) -> None:
    made, code = tmp_path / "made.o", tmp_path / "code"
    source = SOURCES / f"{machine}.s"
    subprocess.run([f"{TOOLS[machine]}as", "-o", made, source], check=True)
    subprocess.run(
        [f"{TOOLS[machine]}objcopy", "-O", "binary", "-j", ".text", made, code], check=True
    )
    assert code.read_bytes().hex() == waiter.CODE[machine][1]


def test_another_machine_has_none() -> None:
    assert waiter.program("riscv64", AWAITED) is None


class Waiting:
    """A child that has become the program and says "AB" with the signal's number when it wakes up."""

    def __init__(self) -> None:
        self.output, inner = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(inner, 1)
            signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
            waiter.wait("test-waiter", AWAITED, ["/bin/echo", "AB"])
            os._exit(9)
        os.close(inner)

    def end(self) -> tuple[bytes, int]:
        """Its whole output, and its status."""
        with open(self.output, "rb") as file:
            said = file.read()
        return said, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def became(self) -> None:
        """Wait until it waits."""
        comm = Path(f"/proc/{self.pid}/comm")
        while comm.read_text() != "test-waiter\n":
            os.sched_yield()


def test_it_is_small_has_its_name_and_tells_the_signal() -> None:
    waiting = Waiting()
    waiting.became()
    rollup = Path(f"/proc/{waiting.pid}/smaps_rollup").read_text()
    found = re.search(r"^Rss: +(\d+) kB$", rollup, re.MULTILINE)
    assert found is not None and int(found[1]) <= 64
    os.kill(waiting.pid, signal.SIGTERM)
    assert waiting.end() == (b"AB 15\n", 0)


def test_a_signal_that_came_before_is_not_lost() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        os.kill(os.getpid(), signal.SIGUSR1)
        waiter.wait("test-waiter", AWAITED, ["/bin/sh", "-c", 'exit "$0"'])
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == signal.SIGUSR1


def test_a_stop_does_not_wake_it_up() -> None:
    waiting = Waiting()
    waiting.became()
    os.kill(waiting.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, waiting.pid, os.WSTOPPED)
    os.kill(waiting.pid, signal.SIGCONT)
    os.kill(waiting.pid, signal.SIGUSR1)
    assert waiting.end() == (b"AB 10\n", 0)
