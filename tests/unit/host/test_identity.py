# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recorded process is found again, and only that one; tested on real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from podwright.host import identity


def spawn(ignore_term: bool = False) -> int:
    """A child that sleeps; returns when it has set its signals up."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if ignore_term else signal.SIG_DFL)
        os.write(write_end, b"x")
        while True:
            signal.pause()
    os.close(write_end)
    assert os.read(read_end, 1) == b"x"
    os.close(read_end)
    return child


@pytest.fixture
def child() -> Iterator[int]:
    pid = spawn()
    yield pid
    reap(pid)


def reap(pid: int) -> int:
    """Kill what is left of a child; its signal."""
    try:
        os.kill(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except (ProcessLookupError, ChildProcessError):
        return 0


def test_a_running_process_is_found_again(child: int) -> None:
    recorded = identity.of(child)
    assert recorded["pid"] == child
    assert identity.alive(recorded)


@pytest.mark.parametrize(
    "change", [{"start_time": 1}, {"start_time": None}, {"boot_id": "another"}, {"boot_id": None}]
)
def test_another_process_with_the_same_number_is_not_taken_for_it(
    child: int, change: dict[str, Any]
) -> None:
    other = {**identity.of(child), **change}
    assert not identity.alive(other)
    assert identity.end(other, 0) is False
    assert identity.alive(identity.of(child))


@pytest.mark.parametrize("pid", [0, -1, 1, None, "7", 2**22 + 1])
def test_what_is_no_process_is_not_alive(pid: object) -> None:
    assert not identity.alive({**identity.of(os.getpid()), "pid": pid})


def test_nothing_recorded_is_not_alive() -> None:
    assert not identity.alive({})


def test_a_zombie_is_gone(child: int) -> None:
    recorded = identity.of(child)
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert identity.start_time(child) is None
    assert not identity.alive(recorded)
    assert not identity.alive(identity.of(child))


def test_end_asks_first(child: int) -> None:
    recorded = identity.of(child)
    assert identity.end(recorded, 30) is True
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    assert identity.end(recorded, 30) is False


def test_end_kills_what_does_not_listen() -> None:
    child = spawn(ignore_term=True)
    try:
        assert identity.end(identity.of(child), 0.05) is True
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    finally:
        reap(child)


def test_a_hostile_process_name_does_not_shift_the_fields(child: int) -> None:
    before = identity.start_time(child)
    with open(f"/proc/{os.getpid()}/comm", "r+") as comm:
        own = comm.read()
    started = identity.start_time(os.getpid())
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(") Z 1 (x")
        assert identity.start_time(os.getpid()) == started
    finally:
        with open("/proc/self/comm", "w") as comm:
            comm.write(own)
    assert identity.start_time(child) == before
