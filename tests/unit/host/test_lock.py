# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host-wide locks: one holder, a bounded wait, the holder named, nothing left when it dies."""

from __future__ import annotations

import errno
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podwright.errors import LockedError
from podwright.host.lock import HostLock, try_lock


def hold_in_a_child(path: str, shared: bool = False) -> int:
    """A child that holds the lock until it is killed; returns when it has it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with HostLock(path, "apply", 0, shared):
                os.write(write_end, b"x")
                signal.pause()
        finally:
            os._exit(1)
    os.close(write_end)
    assert os.read(read_end, 1) == b"x"
    os.close(read_end)
    return child


def kill(child: int) -> None:
    """End the child without giving it a chance to let go."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.threat("T88")
def test_whoever_waits_in_vain_is_told_for_whom(tmp_path: Path) -> None:
    path = f"{tmp_path}/apply"
    child = hold_in_a_child(path)
    try:
        with pytest.raises(LockedError) as caught, HostLock(path, "gc", 0):
            pass
        assert caught.value.message == f"gc: {path} is held by pid {child} (apply)"
        assert caught.value.hint == "waited 0 s; try again when it has ended"
        assert caught.value.reason == "locked"
    finally:
        kill(child)
    with HostLock(path, "gc", 0):
        assert Path(path).read_text() == f"pid {os.getpid()} (gc)"


@pytest.mark.threat("T88")
def test_the_lock_is_free_again_after_the_block_and_after_an_error(tmp_path: Path) -> None:
    path = f"{tmp_path}/apply"
    with HostLock(path, "first", 0):
        pass
    with pytest.raises(ZeroDivisionError), HostLock(path, "second", 0):
        _ = 1 // 0
    with HostLock(path, "third", 0):
        pass


@pytest.mark.threat("T88")
def test_shared_holders_do_not_exclude_each_other_but_an_exclusive_one(tmp_path: Path) -> None:
    path = f"{tmp_path}/prepare"
    child = hold_in_a_child(path, shared=True)
    try:
        with HostLock(path, "run", 0, shared=True):
            pass
        with pytest.raises(LockedError), HostLock(path, "image gc", 0):
            pass
    finally:
        kill(child)


@pytest.mark.threat("T88")
def test_a_shared_holder_is_not_called_by_the_name_of_an_earlier_one(tmp_path: Path) -> None:
    path = f"{tmp_path}/prepare"
    with HostLock(path, "image gc", 0):
        pass
    child = hold_in_a_child(path, shared=True)
    try:
        with pytest.raises(LockedError, match="is held by another process"):
            HostLock(path, "image gc", 0).__enter__()
    finally:
        kill(child)


@pytest.mark.threat("T88")
def test_the_lock_is_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    with HostLock(f"{tmp_path}/apply", "apply", 0) as lock:
        assert lock.fd is not None and not os.get_inheritable(lock.fd)


@pytest.mark.threat("T88")
def test_a_lock_file_that_its_holder_removed_locks_nothing(tmp_path: Path) -> None:
    path = f"{tmp_path}/net"
    second = HostLock(path, "second")
    with ThreadPoolExecutor(1) as pool, HostLock(path, "first", 0):
        waiting = pool.submit(second.__enter__)
        while openings(path) < 2:
            assert not waiting.done()
        os.unlink(path)
    waiting.result()
    with pytest.raises(LockedError, match=r"\(second\)"), HostLock(path, "third", 0):
        pass
    second.__exit__(None, None, None)


def openings(path: str) -> int:
    """How often this process has the file open."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}") == path
        except FileNotFoundError:
            continue
    return found


@pytest.mark.threat("T88")
def test_a_lock_on_a_full_disk_is_taken_and_let_go(tmp_path: Path) -> None:
    """Its holder could not write its name, failed with the lock in its hands, and then waited for itself."""
    path = f"{tmp_path}/gc"
    Path(path).touch()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            with pytest.raises(OSError):
                Path(path).write_text("x")  # the control: nothing can be written
            for _ in range(2):
                with HostLock(path, "gc", 0), pytest.raises(LockedError):
                    HostLock(path, "apply", 0).__enter__()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.threat("T88")
def test_a_lock_on_a_failing_disk_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_fd: int, _size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as failing:
        failing.setattr(os, "ftruncate", fail)
        with pytest.raises(OSError, match="Input/output error"):
            HostLock(f"{tmp_path}/gc", "gc", 0).__enter__()
    with HostLock(f"{tmp_path}/gc", "gc", 0):
        pass


@pytest.mark.threat("T88")
def test_a_link_in_place_of_the_lock_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "apply").symlink_to("target")
    with pytest.raises(OSError), HostLock(f"{tmp_path}/apply", "apply", 0):
        pass
    assert (tmp_path / "target").read_text() == "precious"


@pytest.mark.threat("T88")
def test_try_lock(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    try:
        assert try_lock(first, shared=True) and try_lock(second, shared=True)
        assert not try_lock(first)
        os.close(second)
        second = -1
        assert try_lock(first)
    finally:
        for fd in (first, second):
            if fd >= 0:
                os.close(fd)
