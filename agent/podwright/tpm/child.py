# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work with the TPM in a process of its own: beside everything else, and for so long and no longer.

It has none of our descriptors, so no pod stays locked by it; it dies with us. A kill at any moment is
what the log is made for.
"""

from __future__ import annotations

import os
import select
import time

from podwright import jsonio
from podwright.errors import HostError, PodwrightError
from podwright.host.lock import try_lock
from podwright.kernel import fs, process, signals
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

MOST = 120.0
"""Seconds to wait in all, while others use the TPM one after another."""
GRACE = 0.5
"""Seconds for the kernel to end what was killed; a driver that hangs may not let it."""


class Child:
    """Work that has begun. `result` waits for it, as long as the TPM answers.

    patience  seconds without a sign of that
    where     the directory of the log, by which one sees that others are at work
    """

    def __init__(self, work: Callable[[], Any], patience: float, where: str = "") -> None:
        self._began = time.monotonic()
        self._deadline = self._began + patience
        self._patience = patience
        self._others = Others(where) if where else None
        self._busy = ""
        self._answer, answer = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _live(work, answer, parent)
        os.close(answer)

    def result(self) -> Any:
        """What the work returned. Raises what it raised, or HostError when it was too slow."""
        data = self._hear()
        self.end()
        if data is None:
            raise self._too_slow()
        raw = jsonio.loads(data, "TPM") if data else {"error": _DIED}
        if "error" in raw:
            message, hint, reason = raw["error"]
            raise HostError(message, hint, reason=reason)
        return raw["result"]

    def _hear(self) -> Optional[bytes]:
        data = b""
        while True:
            left = max(0.0, self._deadline - time.monotonic())
            if not select.select([self._answer], [], [], left)[0]:
                if self._has_sign():
                    continue
                return None
            piece = os.read(self._answer, 65536)
            if not piece:
                return data
            data += piece

    def _has_sign(self) -> bool:
        """Whether others are at work with it; then there is more time, counted from now on."""
        now = time.monotonic()
        self._deadline = now + self._patience
        if self._others is None:
            return False
        before = self._busy  # and if that has ended just now, our turn has only begun
        answers, self._busy = self._others.at_work(self._pid)
        return bool(answers or self._busy or before) and now < self._began + MOST

    def _too_slow(self) -> HostError:
        if self._busy:
            return HostError(
                f"the log of measurements, or the TPM, was kept for too long by {self._busy}",
                "try again when that has ended",
                reason=BUSY,
            )
        return HostError(
            f"the TPM has not answered within {self._patience:.0f} seconds",
            "see what keeps it busy; dmesg may tell",
            reason=TIMEOUT,
        )

    def end(self) -> None:
        """Make sure that it does not run any more. Idempotent."""
        if self._pid == 0:
            return
        os.close(self._answer)
        pid, self._pid = self._pid, 0
        os.kill(pid, signals.SIGKILL)
        deadline = time.monotonic() + GRACE
        try:
            while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
                time.sleep(0.001)
        except ChildProcessError:
            return


class Others:
    """What other processes do with the log and the TPM, seen from outside.

    `state` changes with each measurement; `lock` is held by who measures, `asking` by who makes keys
    and quotes, and both have the holder's name; `error` has what somebody gave up for.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._state = _changed(f"{where}/state")
        self._error = _changed(f"{where}/error")

    def at_work(self, own: int) -> tuple[bool, str]:
        """Whether the TPM has answered somebody since the last call; and who keeps it, or "".

        own  a process that is not meant
        """
        before, self._state = self._state, _changed(f"{self._where}/state")
        if before != self._state:
            return True, ""
        if self._gave_up():
            return False, ""
        holders = (_holder(f"{self._where}/{name}", own) for name in LOCKS)
        return False, next(filter(None, holders), "")

    def _gave_up(self) -> bool:
        """Whether somebody else found meanwhile that it does not answer: then it is not waited for
        once more by each that waits in the queue."""
        path = f"{self._where}/error"
        if _changed(path) == self._error:
            return False
        try:
            with open(path, "rb") as file:
                return bool(jsonio.loads(file.read(65536), path).get("reason") == TIMEOUT)
        except (OSError, PodwrightError, AttributeError):
            return False


LOCKS = ("lock", "asking")
TIMEOUT, BUSY = "tpm-timeout", "log-busy"
_DIED = ("what asks the TPM has ended without an answer", "try again", "tpm-failed")


def _changed(path: str) -> int:
    """When a file was changed, 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns if path else 0
    except OSError:
        return 0


def _holder(path: str, own: int) -> str:
    """Who holds a lock, other than a process of ours; "" when nobody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if try_lock(fd):
            return ""
        text = safe(os.pread(fd, 200, 0))
        return "" if text.startswith(f"pid {own} ") else text or "another process"
    finally:
        os.close(fd)


def _live(work: Callable[[], Any], answer: int, parent: int) -> None:
    """In the child; never returns."""
    try:
        waiting = {signals.SIGINT, signals.SIGTERM, signals.SIGHUP, signals.SIGQUIT}
        signals.pthread_sigmask(signals.SIG_BLOCK, waiting)
        process.close_all_but(frozenset((answer,)))
        process.die_with_parent()
        if os.getppid() == parent:
            fs.write_all(answer, jsonio.dumps(_done(work)).encode())
    finally:
        os._exit(0)


def _done(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"result": work()}
    except PodwrightError as err:
        return {"error": [err.message, err.hint, err.reason]}
    except Exception as err:
        return {"error": [f"measuring: {safe(err, 300)}", "", "tpm-failed"]}
