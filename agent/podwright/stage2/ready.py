# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a pod counts as ready: a port that accepts, a command that succeeds, or time survived."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage1.contract import Ready


class Readiness:
    """Ask again and again, without ever blocking PID 1 for more than a moment.

    address   of the pod, or "" when it has none but loopback
    alive     whether every app that has not ended with 0 is running its main program
    probe     starts the command; PID 1 calls `probed` with its status when it has ended
    said      whether the app has said that it is ready, where it has to; nothing is tried before
    """

    CONNECT = 0.2
    """Seconds that one connection attempt may take; PID 1 does nothing else meanwhile."""

    def __init__(
        self,
        rule: Ready,
        address: str,
        alive: Callable[[], bool],
        probe: Callable[[], None],
        said: Optional[Callable[[], bool]] = None,
    ) -> None:
        self.rule = rule
        self.address = address or "127.0.0.1"
        self.alive = alive
        self.probe = probe
        self.said = said
        self.started = time.monotonic()
        self.next = self.started + (rule.seconds if self.by_time() else 0.0)
        if said is not None:
            self.next = float("inf")
        self.probing = False
        self.ready = False
        self.last = "nothing has answered yet" if said is None else "it has not said READY=1"

    def by_time(self) -> bool:
        """Neither a port nor a command: surviving for some seconds is enough."""
        return self.said is None and self.rule.tcp is None and not self.rule.exec

    def deadline(self) -> float:
        """When waiting is given up (monotonic seconds)."""
        return float("inf") if self.by_time() else self.started + self.rule.timeout

    def check(self) -> bool:
        """Try, if it is time to; True once, when the pod has become ready."""
        now = time.monotonic()
        if self.said is not None and self.said():
            self.said, self.next, self.last = None, now, "nothing has answered yet"
        if self.ready or self.probing or now < self.next:
            return False
        self.next = now + self.rule.interval
        if not self.alive():
            return False
        if self.by_time():
            self.ready = True
        elif self.rule.tcp is not None:
            self.ready = self._connects(self.rule.tcp)
        else:
            self.probing = True
            self.probe()
        return self.ready

    def probed(self, status: int) -> bool:
        """The command has ended; True once, when the pod has become ready."""
        self.probing = False
        self.next = time.monotonic() + self.rule.interval
        self.last = f"{self.rule.exec[0]} ended with {status}"
        self.ready = status == 0
        return self.ready

    def _connects(self, port: int) -> bool:
        import _socket

        family = _socket.AF_INET6 if ":" in self.address else _socket.AF_INET
        connection = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(self.CONNECT)
            connection.connect((self.address, port))
        except OSError as err:
            self.last = f"{self.address} port {port}: {err.strerror or 'no answer'}"
            return False
        finally:
            connection.close()
        return True
