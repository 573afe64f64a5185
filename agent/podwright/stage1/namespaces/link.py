# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the waiting parent and the pod's PID 1 say to each other, over two pipes.

Messages are lines of tab-separated fields. The pipes also tell either side that the other is
gone: PID 1 sees the end of `go` when its parent died, the parent sees the end of `report`.
"""

from __future__ import annotations

import os
import time

from podwright.kernel import fs
from podwright.stage1.contract import AppRecord, Listening
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.guest.outputs import Outputs
    from podwright.stage1.namespaces.sinks import Sinks

ISOLATED = "isolated"
"""PID 1 has its namespaces; the network may be made."""
ENTERED = "entered"
"""PID 1 is the pod's root now, not the host's."""
READY = "ready"
UNREADY = "unready"
"""A pod that was ready is not any more, as its apps' probes say; READY may come again."""
HEALTH = "health"
"""app, whether it serves ("": it has no say; 0, 1), which probe has failed, why ("" for none), when"""
NOTE = "note"
"""A sentence for people."""
REPORT = "report"
"""A sentence about protection that is the default but cannot be had, for people and `status`."""
BEGUN = "begun"
"""app, when (seconds since the epoch), restarts: not told when it starts with the pod."""
ENDED = "ended"
"""app, status ("": none), reason, when it had begun and ended, restarts, whether for good (0, 1)"""
AGAIN = "again"
"""A sentence for the pod's log, at once: why an app is started again."""
APPS = "apps"
"""names: those that the pod has now, where they come and go."""
MACHINE = "machine"
"""What the pod's virtual machine is, as JSON for `status`."""
DONE = "done"
"""status, reason: the last message of a pod that ran."""
FAILED = "failed"
"""reason, stage, message, hint: the last message of one that could not."""

_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"))


def encode(kind: str, *fields: str) -> bytes:
    """One message."""
    out = []
    for field in (kind, *fields):
        for char, escape in _ESCAPES:
            field = field.replace(char, escape)
        out.append(field)
    return ("\t".join(out) + "\n").encode("utf-8", "surrogateescape")


def decode(line: bytes) -> list[str]:
    """The fields of one message; `decode(encode(*f)[:-1]) == list(f)`."""
    out = []
    for field in line.decode("utf-8", "surrogateescape").split("\t"):
        parts = [part.replace("\\t", "\t").replace("\\n", "\n") for part in field.split("\\\\")]
        out.append("\\".join(parts))
    return out


def app_record(kind: str, fields: list[str]) -> AppRecord:
    """What a BEGUN or ENDED message says."""
    if kind == BEGUN:
        name, started, restarts = fields
        return AppRecord(name, started=float(started), restarts=int(restarts))
    name, status, reason, started, finished, restarts, over = fields
    times = (float(started), float(finished))
    return AppRecord(
        name, int(status) if status else None, reason, *times, int(restarts), over == "1"
    )


def killed_record(name: str, before: Optional[AppRecord], *, asked: bool = False) -> AppRecord:
    """The record of an app that the kernel ended together with PID 1; `asked`: by `stop --force`."""
    reason = "stopped-by-pod" if asked else "killed-by-signal"
    known = before or AppRecord(name)
    return AppRecord(name, 137, reason, known.started, time.time(), known.restarts, True)


@value
class Go:
    """What the parent says when the network is there.

    address   the pod's, or ""
    metadata  where it asks who it is, or ""
    resolv    what its networks want in resolv.conf, or ""
    """

    address: str = ""
    metadata: str = ""
    resolv: str = ""


class Inside:
    """PID 1's ends. `terminals` hands the master of an interactive app's terminal over; `control`
    listens for clients (see `stage2.control`); `outer` is connected to the service manager that
    started us, or -1, and in how many seconds that wants signs of life, or 0; `listening` are
    sockets that it gave us for apps; `sinks` is where what apps write is kept, when that is not our
    own output; `outputs` where it leaves a machine; `holder` leads to who holds a machine outside
    of the pod, or is -1.
    """

    def __init__(
        self,
        report: int,
        go: int,
        control: int,
        terminals: Optional[_socket.socket] = None,
        outer: tuple[int, float] = (-1, 0.0),
        listening: tuple[Listening, ...] = (),
    ) -> None:
        self.report_fd = report
        self.go_fd = go
        self.control = control
        self.terminals = terminals
        self.outer, self.watchdog = outer
        self.listening = listening
        self.sinks: Optional[Sinks] = None
        self.outputs: Optional[Outputs] = None
        self.holder = -1

    def descriptors(self) -> frozenset[int]:
        """What PID 1 has to keep open."""
        more = () if self.terminals is None else (self.terminals.fileno(),)
        sockets = tuple(one.fd for one in self.listening)
        own = (self.report_fd, self.go_fd, self.control, self.outer, self.holder)
        logs = frozenset() if self.sinks is None else self.sinks.descriptors()
        logs |= frozenset() if self.outputs is None else self.outputs.descriptors()
        return frozenset((*own, *more, *sockets, *logs)) - {-1}

    def report(self, kind: str, *fields: str) -> None:
        """Tell the parent; when it is gone, the kernel is about to end us anyway."""
        try:
            fs.write_all(self.report_fd, encode(kind, *fields))
        except BrokenPipeError:
            return

    def check(self) -> None:
        """Raises EOFError when the parent has died, of which a change of user leaves no signal."""
        try:
            fs.write_all(self.report_fd, encode(ENTERED))
        except BrokenPipeError:
            raise EOFError from None

    def missing(self, text: str) -> None:
        """Tell the parent about protection that cannot be had."""
        self.report(REPORT, text)

    def wait_go(self) -> Go:
        """Wait until the network is there.

        Raises EOFError when the parent gave up or died.
        """
        data = b""
        while not data.endswith(b"\n"):
            piece = os.read(self.go_fd, 256)
            if not piece:
                raise EOFError
            data += piece
        os.close(self.go_fd)
        return Go(*decode(data[:-1]))


def messages(report: int, idle: Callable[[], None]) -> Iterator[list[str]]:
    """Messages of PID 1 as they come, until it is gone; `idle` is called before each wait."""
    rest = b""
    while True:
        if not rest:
            idle()
        piece = os.read(report, 65536)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield decode(line)
