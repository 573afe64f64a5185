# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ranges of user ids: whose are left alone, and that no two pods ever have one at the same time (T70)."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import struct
import time
from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.host import uidranges
from podwright.host.uidranges import COUNT, HIGHEST, LOWEST

pytestmark = pytest.mark.threat("T70")


class Site:
    """Directories in place of /etc, /run and a data directory's pods."""

    def __init__(self, base: Path) -> None:
        self.etc, self.run, self.pods = base / "etc", base / "run", base / "pods"
        for directory in (self.etc, self.run, self.pods):
            directory.mkdir()
        self.directory = self.run / "podwright/users"

    def take(self, uuid: str = "u") -> uidranges.Range:
        return uidranges.take(
            str(self.directory), str(self.pods), uuid, str(self.etc), str(self.run)
        )

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.etc / name).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_ranges_are_aligned_and_lie_where_containers_are(site: Site) -> None:
    taken = [site.take() for _ in range(50)]
    assert len({each.first for each in taken}) == 50
    for each in taken:
        assert each.first % COUNT == 0
        assert LOWEST <= each.first <= HIGHEST - COUNT + 1
        each.release()
    assert list(site.directory.iterdir()) == []


def test_a_range_is_the_whole_of_an_entry_of_ours(site: Site) -> None:
    site.write(
        subuid=f"podwright:{COUNT * 20}:{COUNT}\n", subgid=f"podwright:{COUNT * 20}:{COUNT}\n"
    )
    taken = site.take()
    assert taken.first == COUNT * 20
    with pytest.raises(HostError, match="no range of 65536 user ids is free"):
        site.take()
    taken.release()
    assert site.take().first == COUNT * 20


@pytest.mark.parametrize(
    ("subuid", "subgid", "expected"),
    [
        (f"podwright:{COUNT * 20 + 1}:{COUNT * 2}", "", {21}),
        (f"podwright:{COUNT * 20}:{COUNT * 2}", f"podwright:{COUNT * 21}:{COUNT * 2}", {21}),
        (f"podwright:{COUNT * 20}:{COUNT}\npodwright:{COUNT * 30}:{COUNT}", "", {20, 30}),
        (f"podwright:{COUNT * 20}:{COUNT * 3}\nalice:{COUNT * 21}:{COUNT}", "", {20, 22}),
        (f"podwright:{COUNT * 20}:{COUNT * 3}", f"bob:{COUNT * 20 + 9}:1", {21, 22}),
        (f"podwright:100000:{COUNT}", "", set()),
        (f"podwright:{COUNT * 20}:{COUNT}", f"podwright:{COUNT * 30}:{COUNT}", set()),
        (f"podwright:{COUNT * 20}:{COUNT * 2}\n# x:y\nbroken\nx:1\n", "", {20, 21}),
    ],
)
def test_entries_of_subuid_and_subgid(
    site: Site, subuid: str, subgid: str, expected: set[int]
) -> None:
    site.write(subuid=subuid, subgid=subgid)
    found = set()
    for _ in expected:
        found.add(site.take().first // COUNT)
    assert found == expected
    with pytest.raises(HostError) as refused:
        site.take()
    assert "/etc/subuid" in refused.value.hint


def test_users_and_groups_of_the_host_are_left_alone(site: Site) -> None:
    site.write(
        subuid=f"podwright:{COUNT * 20}:{COUNT * 4}\n",
        passwd=f"a:x:{COUNT * 20 + 7}:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n",
        group=f"b:x:{COUNT * 22}:\n",
    )
    assert {site.take().first // COUNT for _ in range(2)} == {21, 23}
    with pytest.raises(HostError):
        site.take()


def test_a_range_that_systemd_nspawn_has_is_left_alone_and_it_leaves_ours(site: Site) -> None:
    site.write(subuid=f"podwright:{COUNT * 20}:{COUNT * 2}\n")
    directory = site.run / "systemd/nspawn-uid"
    directory.mkdir(parents=True)
    theirs = os.open(directory / str(COUNT * 20), os.O_RDWR | os.O_CREAT)
    whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    fcntl.fcntl(theirs, fcntl.F_OFD_SETLK, whole)
    ours = site.take()
    assert ours.first == COUNT * 21
    again = os.open(directory / str(ours.first), os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.fcntl(again, fcntl.F_OFD_SETLK, whole)
    with pytest.raises(HostError):
        site.take()
    ours.release()
    assert sorted(path.name for path in directory.iterdir()) == [str(COUNT * 20)]
    os.close(theirs)
    assert site.take().first in (COUNT * 20, COUNT * 21)
    os.close(again)


def test_a_killed_pods_range_is_free_again_when_nothing_of_it_is_left(site: Site) -> None:
    site.write(subuid=f"podwright:{COUNT * 20}:{COUNT}\n")
    site.take("killed").slot.close()
    assert uidranges.reclaim(str(site.directory)) == [COUNT * 20]
    assert not site.directory.exists()
    site.take("killed").slot.close()
    assert site.take("next").first == COUNT * 20


def test_a_range_stays_taken_while_files_on_disk_belong_to_it(site: Site) -> None:
    site.write(subuid=f"podwright:{COUNT * 20}:{COUNT}\n")
    taken = site.take("copied")
    mark = site.pods / "run/copied/private-users-copied"
    mark.parent.mkdir(parents=True)
    mark.write_text("")
    taken.release(keep=True)
    for state in ("run", "exited-garbage"):
        mark.parent.parent.rename(site.pods / state)
        mark = site.pods / state / "copied/private-users-copied"
        assert uidranges.reclaim(str(site.directory)) == []
        with pytest.raises(HostError):
            site.take()
    mark.unlink()
    assert uidranges.reclaim(str(site.directory)) == [COUNT * 20]


def test_a_range_stays_taken_while_a_process_has_its_users(site: Site) -> None:
    site.write(subuid=f"podwright:{COUNT * 28001}:{COUNT}\n")
    ready, report = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresuid(0, 0, 0)
        import ctypes

        ctypes.CDLL(None).unshare(0x10000000)
        os.write(report, b".")
        signal.pause()
        os._exit(0)
    try:
        os.read(ready, 1)
        Path(f"/proc/{child}/uid_map").write_text(f"0 {COUNT * 28001} {COUNT}\n")
        site.take("killed").slot.close()
        assert uidranges.reclaim(str(site.directory)) == []
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(report)
    assert uidranges.reclaim(str(site.directory)) == [COUNT * 28001]


def test_ten_thousand_allocations_by_processes_that_are_killed_never_overlap(site: Site) -> None:
    """32 processes at a time, few ranges, and SIGKILL at any moment.

    Who has a range locks a byte of one file, at the range's number, with a record lock of its own: that fails at once
    when another process has the same range.
    """
    ranges, wanted, workers = 48, 10_000, 32
    site.write(subuid=f"podwright:{COUNT * 20}:{COUNT * ranges}\n")
    proof = site.run / "proof"
    proof.write_bytes(b"")
    done = os.open(site.run / "done", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    alive: dict[int, float] = {}
    dice = random.Random(70)
    killed = 0
    failed: list[int] = []
    try:
        while (os.fstat(done).st_size < wanted or killed < 100) and not failed:
            while len(alive) < workers:
                child = os.fork()
                if child == 0:
                    _allocate(site, proof, done)
                alive[child] = time.monotonic()
            victim = dice.choice(list(alive))
            if dice.random() < 0.5:
                os.kill(victim, signal.SIGKILL)
            pid, status = os.waitpid(victim if dice.random() < 0.5 else -1, os.WNOHANG)
            if alive.pop(pid, None) is not None:  # not a child that another test has left
                killed += os.WIFSIGNALED(status)
                failed += [os.WEXITSTATUS(status)] if os.WIFEXITED(status) else []
    finally:  # they would go on for ever
        for child in alive:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert failed == []
    assert os.fstat(done).st_size >= wanted
    os.close(done)
    uidranges.reclaim(str(site.directory))
    assert not site.directory.exists()


def _allocate(site: Site, proof: Path, done: int) -> None:
    """Take and release ranges until killed; exits with 1 for an overlap, 2 for anything else."""
    try:
        fd = os.open(proof, os.O_RDWR)
        while True:
            taken = site.take(str(os.getpid()))
            number = taken.first // COUNT
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except OSError:
                os._exit(1)
            os.write(done, b".")
            fcntl.lockf(fd, fcntl.LOCK_UN, 1, number)
            taken.release()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(2)
