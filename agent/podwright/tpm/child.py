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
    sign      a file that changes whenever it has answered anybody
    """

    def __init__(self, work: Callable[[], Any], patience: float, sign: str = "") -> None:
        self._began = time.monotonic()
        self._deadline = self._began + patience
        self._patience = patience
        self._sign = sign
        self._seen = _changed(sign)
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
            raise HostError(
                f"the TPM has not answered within {self._patience:.0f} seconds",
                "see what keeps it busy; dmesg may tell",
                reason="tpm-timeout",
            )
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
        """Whether it has answered somebody else meanwhile; then there is more time."""
        now, seen = time.monotonic(), self._seen
        self._seen = _changed(self._sign)
        self._deadline = now + self._patience
        return self._seen != seen and now < self._began + MOST

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


_DIED = ("what asks the TPM has ended without an answer", "try again", "tpm-failed")


def _changed(path: str) -> int:
    """When a file was changed, 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns if path else 0
    except OSError:
        return 0


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
