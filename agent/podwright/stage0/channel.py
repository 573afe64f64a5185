# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand chunks from one thread to another, bounded, with errors and early ends carried along."""

from __future__ import annotations

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional


class Abandoned(Exception):
    """The reader has stopped; there is no point in producing more."""


class Channel:
    """At most `depth` chunks on their way from one producer to one reader."""

    def __init__(self, depth: int = 8) -> None:
        self._depth = depth
        self._chunks: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._ended = self._abandoned = False
        self._error: Optional[BaseException] = None

    def put(self, chunk: bytes) -> None:
        """Hand over a chunk, waiting for room. Raises Abandoned."""
        with self._changed:
            while len(self._chunks) >= self._depth and not self._abandoned:
                self._changed.wait()
            if self._abandoned:
                raise Abandoned
            self._chunks.append(chunk)
            self._changed.notify()

    def end(self, error: Optional[BaseException] = None) -> None:
        """No more chunks; the reader gets `error` after the last one."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    def abandon(self) -> None:
        """Read no more: frees a waiting producer."""
        with self._changed:
            self._abandoned = True
            self._chunks.clear()
            self._changed.notify()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self._ended:
                    self._changed.wait()
                if not self._chunks:
                    if self._error is not None:
                        raise self._error
                    return
                chunk = self._chunks.popleft()
                self._changed.notify()
            yield chunk


class Worker:
    """A thread whose error is kept for whoever joins it."""

    def __init__(self, job: Callable[[], None], ends: tuple[Channel, ...] = ()) -> None:
        self._job = job
        self._ends = ends
        self.error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._job()
        except BaseException as err:
            self.error = err
        for channel in self._ends:
            channel.end(None if isinstance(self.error, Abandoned) else self.error)

    def join(self) -> None:
        """Wait for the end of the job."""
        self._thread.join()
