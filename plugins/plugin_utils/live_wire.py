# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From Ansible's workers to the live view, while they work: messages of one process and its children.

A pair of sockets without a name: nobody else can write to it or read from it. Programs that workers start do not
have it. A message is whole or not there at all; those that find no room are lost, since newer ones come.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

LONGEST = 4096
"""Bytes of a message."""
BEAT = 0.5
"""Seconds after which the listener sees that it is to end."""


class _Wire:
    """The pair of this process; there is one at most."""

    ends: tuple[socket.socket, socket.socket] | None = None


def is_open() -> bool:
    """Whether somebody listens."""
    return _Wire.ends is not None


def send(message: dict[str, Any]) -> None:
    """Tell the listener, if there is one; never waits, never fails."""
    if _Wire.ends is None:
        return
    data = json.dumps(message).encode("ascii")
    if len(data) <= LONGEST:
        with contextlib.suppress(OSError):
            _Wire.ends[1].send(data, socket.MSG_DONTWAIT)


class Listener:
    """Calls `heard` with each message, in a thread, while `lock` is held."""

    def __init__(self, heard: Callable[[dict[str, Any]], None], lock: Any) -> None:
        self._heard, self._lock = heard, lock
        self._pid = os.getpid()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def open(self) -> None:
        """Begin. Raises OSError."""
        _Wire.ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread.start()

    def _run(self) -> None:
        ends = _Wire.ends
        if ends is None:
            return
        ends[0].settimeout(BEAT)
        while not self._stop.is_set():
            try:
                data = ends[0].recv(LONGEST)
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                self._tell(data)

    def _tell(self, data: bytes) -> None:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and not self._stop.is_set():
            self._heard(message)

    def close(self) -> None:
        """End. In a child process there is nothing to end."""
        if os.getpid() != self._pid:
            return
        self._stop.set()
        ends, _Wire.ends = _Wire.ends, None
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)
        for end in ends or ():
            end.close()
