# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of the courier that delivers events: a queue that never makes its owner wait."""

from __future__ import annotations

import ast
import collections
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

from ansible_collections.podwright.fleet.plugins.plugin_utils import notify_send

MOST = 1000
"""Events that wait; further ones are given up, and counted."""


class Courier:
    """Hands events to a process that delivers them, see notify_send."""

    def __init__(self, target: notify_send.Target) -> None:
        self._waiting: collections.deque[bytes] = collections.deque()
        self._given_up = 0
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-I", notify_send.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        stdin = self._process.stdin
        if stdin is None:  # never: it is a pipe, see above
            raise ValueError("the courier cannot be spoken to")
        self._pipe = stdin.fileno()
        os.set_blocking(self._pipe, False)
        self._waiting.append(json.dumps(target._asdict()).encode("ascii") + b"\n")
        self._pump()

    def send(self, data: bytes) -> None:
        """Take a line; returns at once."""
        if len(self._waiting) >= MOST:
            self._given_up += 1
            return
        self._waiting.append(data)
        self._pump()

    def _pump(self) -> None:
        """Write as much as the courier has room for."""
        while self._waiting:
            data = self._waiting[0]
            try:
                done = os.write(self._pipe, data)
            except BlockingIOError:
                return
            except OSError:  # it has ended; `finish` says so
                self._given_up += len(self._waiting)
                self._waiting.clear()
                return
            if done == len(data):
                self._waiting.popleft()
            else:
                self._waiting[0] = data[done:]

    def finish(self, seconds: float) -> list[str]:
        """Wait for the rest, no longer than this; returns what went wrong."""
        if os.getpid() != self._owner or self._process.stdin is None:
            return []
        deadline = time.monotonic() + seconds
        room = select.poll()
        room.register(self._pipe, select.POLLOUT)
        while self._waiting and time.monotonic() < deadline:
            room.poll(1000 * max(0.0, deadline - time.monotonic()))
            self._pump()
        given_up = self._given_up + len(self._waiting)
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.stdin = None
        late = False
        try:
            out, _err = self._process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGTERM)
            late, given_up = True, max(1, given_up)
            try:
                out, _err = self._process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                out, _err = self._process.communicate()
        wrong = [str(ast.literal_eval(line)) for line in out.decode("ascii").splitlines() if line]
        wrong = list(dict.fromkeys(wrong))
        if self._process.returncode and not late:
            wrong.append(f"what delivers events has ended with {self._process.returncode}")
        if given_up:
            wrong.append(f"not everything was delivered within {seconds:g} s")
        return wrong
