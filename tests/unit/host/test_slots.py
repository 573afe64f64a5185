# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered slots: never two holders of one number, whoever is killed when; freed by death or by hand."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.host import slots

FEW = range(80)
"""So few numbers that 32 processes meet at them all the time."""


def child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
        os._exit(0)
    except BaseException as err:
        os.write(2, f"{type(err).__name__}: {err}\n".encode())
        os._exit(1)


def claim(oracle: int, number: int) -> None:
    """A second opinion: a POSIX lock on one byte, which also ends with its process."""
    fcntl.lockf(oracle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)


def take_and_give(directory: str, oracle_path: str, counted: int, seed: int) -> None:
    """Take numbers for ever; each one taken is written to the pipe. A number of another is an error."""
    oracle = os.open(oracle_path, os.O_RDWR)
    rng = random.Random(seed)
    while True:
        slot = slots.allocate(directory, rng.sample(FEW, len(FEW)), f"{os.getpid()}")
        claim(oracle, slot.number)
        os.write(counted, struct.pack("i", slot.number))
        fcntl.lockf(oracle, fcntl.LOCK_UN, 1, slot.number)
        if rng.random() < 0.5:
            slot.release()
        else:
            slot.close()


def test_10_000_allocations_from_32_processes_with_kills_never_overlap(tmp_path: Path) -> None:
    directory, oracle = str(tmp_path / "slots"), tmp_path / "oracle"
    oracle.write_bytes(b"")
    readable, counted = os.pipe()
    rng = random.Random(4)
    print("seed 4")
    running: list[int] = []
    failed, killed, taken, seed = 0, 0, 0, 0
    try:
        while taken < 10_000:
            while len(running) < 32:
                seed += 1
                work = functools.partial(take_and_give, directory, str(oracle), counted, seed)
                running.append(child(work))
            taken += len(os.read(readable, 4 * rng.randint(1, 120))) // 4
            victim = running.pop(rng.randrange(len(running)))
            os.kill(victim, signal.SIGKILL)
            _, status = os.waitpid(victim, 0)
            killed += os.WIFSIGNALED(status)
            failed += os.WIFEXITED(status)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            failed += os.WIFEXITED(os.waitpid(pid, 0)[1])
        os.close(readable)
        os.close(counted)
    assert failed == 0
    assert killed > 100
    slots.sweep(directory)
    assert slots.each(directory) == []


def test_the_oracle_of_the_test_above_notices_two_holders(tmp_path: Path) -> None:
    """Its control: two processes that claim one number."""
    oracle = tmp_path / "oracle"
    oracle.write_bytes(b"")
    fd = os.open(oracle, os.O_RDWR)
    claim(fd, 7)

    def second() -> None:
        claim(os.open(oracle, os.O_RDWR), 7)

    assert os.waitstatus_to_exitcode(os.waitpid(child(second), 0)[1]) == 1
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(child(second), 0)[1]) == 0


def test_a_forked_process_keeps_the_number_when_its_parent_is_gone(tmp_path: Path) -> None:
    directory = str(tmp_path)
    stay, go = os.pipe()
    slot = slots.allocate(directory, [3], "pod-a")

    def hold() -> None:
        os.close(go)
        os.read(stay, 1)

    pid = child(hold)
    slot.close()
    assert slots.take(directory, 3, "pod-b") is None
    assert slots.each(directory) == [slots.Seen(3, "pod-a", True)]
    os.close(go)
    os.waitpid(pid, 0)
    os.close(stay)
    assert slots.each(directory) == [slots.Seen(3, "pod-a", False)]
    again = slots.take(directory, 3, "pod-b")
    assert again is not None
    again.release()
    assert slots.each(directory) == []


def test_a_record_can_keep_a_number_that_no_process_holds(tmp_path: Path) -> None:
    directory = str(tmp_path)
    there = {"pod-a"}
    slots.allocate(directory, [1], "pod-a").close()

    def kept(record: str) -> bool:
        return record in there

    slot = slots.allocate(directory, [1, 2], "pod-b", kept=kept)
    assert slot.number == 2
    slot.close()
    assert slots.sweep(directory, kept) == [2]
    there.clear()
    assert slots.sweep(directory, kept) == [1]


def test_all_taken_is_said_with_how_many_were_tried(tmp_path: Path) -> None:
    directory = str(tmp_path)
    held = [slots.allocate(directory, range(4), "pod") for _ in range(4)]
    assert sorted(slot.number for slot in held) == [0, 1, 2, 3]
    with pytest.raises(HostError, match=r"no MCS pair is free on this host: all 4 that were tried"):
        slots.allocate(directory, range(4), "pod", what="MCS pair")
    held[2].release()
    fifth = slots.allocate(directory, range(4), "pod")
    assert fifth.number == 2
    for slot in (*held, fifth):
        slot.close()


def test_a_number_cut_short_by_a_crash_is_free(tmp_path: Path) -> None:
    (tmp_path / "5").touch()
    (tmp_path / "notes.txt").touch()
    slot = slots.take(str(tmp_path), 5, "pod", kept=lambda _record: True)
    assert slot is not None
    slot.keep("p")
    assert slots.each(str(tmp_path)) == [slots.Seen(5, "p", True)]
    slot.release()


def test_a_link_in_the_place_of_a_slot_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory = tmp_path / "slots"
    directory.mkdir()
    (directory / "0").symlink_to(victim)
    with pytest.raises(OSError):
        slots.take(str(directory), 0, "pod")
    assert victim.read_text() == "precious"
