# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a pod waits for its measurement: for others as long as they work, for a TPM that is silent not so long."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import HostError
from podwright.host.lock import HostLock
from podwright.tpm import child, eventlog

PATIENCE = 0.05
LAST = 3


class Watched(child.Child):
    """Calls back each time that its patience has come to an end.

    With `LAST` it has to find that others are at work; then it waits for what comes.
    """

    def __init__(
        self, work: Callable[[], object], where: str, called: Callable[[int], None], last: int = 0
    ) -> None:
        super().__init__(work, PATIENCE, where)
        self._times, self._last = 0, last
        self._called = called

    def _has_sign(self) -> bool:
        self._times += 1
        self._called(self._times)
        if self._times == self._last:
            self._patience = 120.0
        return super()._has_sign()


def held(where: Path, name: str) -> int:
    """Hold a lock as another process does; the descriptor."""
    fd = os.open(where / name, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(fd, b"pid 1 (asking the TPM)")
    return fd


def until(path: Path) -> None:
    """Wait for a file."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def never(_times: int) -> None:
    """Do nothing."""


def test_a_pod_did_not_start_while_a_quote_was_made(tmp_path: Path) -> None:
    """It waited for the log, and the TPM was blamed for not answering."""
    fd = held(tmp_path, "lock")

    def work() -> str:
        with HostLock(f"{tmp_path}/lock", "measuring", child.MOST):
            return "measured"

    def called(times: int) -> None:
        if times == LAST:
            os.close(fd)

    assert Watched(work, str(tmp_path), called, LAST).result() == "measured"


def test_a_tpm_that_makes_a_key_for_somebody_else_is_waited_for(tmp_path: Path) -> None:
    fd = held(tmp_path, "asking")

    def work() -> str:
        """The child has none of our descriptors: what it waits for is a file."""
        until(tmp_path / "ready")
        return "measured"

    def called(times: int) -> None:
        if times == LAST:
            (tmp_path / "ready").touch()

    assert Watched(work, str(tmp_path), called, LAST).result() == "measured"
    os.close(fd)


def test_a_tpm_that_is_silent_is_given_up(tmp_path: Path) -> None:
    def work() -> None:
        with HostLock(f"{tmp_path}/lock", "measuring", child.MOST):
            signal.pause()

    with pytest.raises(HostError, match="has not answered within") as caught:
        Watched(work, str(tmp_path), never).result()
    assert caught.value.reason == "tpm-timeout"


def test_a_tpm_that_somebody_else_has_given_up_is_not_waited_for_again(tmp_path: Path) -> None:
    fd = held(tmp_path, "lock")

    def called(times: int) -> None:
        if times == 2:
            eventlog.set_error(str(tmp_path), "the TPM has not answered", "tpm-timeout")

    with pytest.raises(HostError, match="has not answered within"):
        Watched(signal.pause, str(tmp_path), called).result()
    os.close(fd)


def test_who_keeps_the_log_for_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "MOST", 0.2)
    fd = held(tmp_path, "asking")
    with pytest.raises(HostError, match=r"kept for too long by pid 1 \(asking the TPM\)") as caught:
        Watched(signal.pause, str(tmp_path), never).result()
    assert caught.value.reason == "log-busy"
    os.close(fd)
