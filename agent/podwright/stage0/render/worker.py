# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread whose error is kept for whoever joins it."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional


class Abandoned(Exception):
    """Nobody wants the rest; there is no point in reading on."""


class Worker:
    """Runs `job` in a thread."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._job = job
        self.error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._job()
        except BaseException as err:
            self.error = err

    def join(self) -> None:
        """Wait for the end of the job."""
        self._thread.join()
