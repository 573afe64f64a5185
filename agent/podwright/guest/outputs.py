# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what apps write leaves a machine: a pipe for each app and stream, which the first process reads.

An app whose streams nobody attaches to has the pipe itself; else PID 1 passes on what it writes, as it
does on a host, without looking for lines: the host does that.
"""

from __future__ import annotations

import os

from podwright.kernel.step import step
from podwright.stage2.app import Stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.appstate import App
    from podwright.stage2.supervise import Supervisor

WRITE_ONLY = 0o222
"""Mode of a pipe: every user of the app may open it again, and nobody read it."""
NAMES = ("stdout", "stderr")


class Outputs:
    """The pipes of a pod. `writers` and `readers` by app and stream; as `Inside.sinks` it says so to `streams`.

    together   an app's stdout and stderr are one pipe, so that their order counts
    """

    def __init__(self, plan: PodPlan, *, together: bool) -> None:
        self.writers: dict[tuple[str, str], int] = {}
        self.readers: dict[tuple[str, str], int] = {}
        self.files: dict[str, tuple[int, ...]] = {}
        self.journal = None
        self.null = -1
        for app in plan.apps:
            for name in NAMES:
                if name == "stderr" and together:
                    self.writers[app.name, name] = self.writers[app.name, "stdout"]
                    continue
                reader, writer = os.pipe()
                step("fchmod")
                os.fchmod(writer, WRITE_ONLY)
                self.readers[app.name, name] = reader
                self.writers[app.name, name] = writer

    def descriptors(self) -> frozenset[int]:
        """What PID 1 keeps open."""
        return frozenset(self.writers.values())

    def close(self) -> None:
        """PID 1 has them now."""
        for fd in self.descriptors():
            os.close(fd)
        self.writers = {}

    def own(self, app: str, name: str) -> PipeSink:
        """Where an output goes that PID 1 passes on."""
        return PipeSink(self.writers[app, name])

    # As `streams.Streams`, for pods that need nothing of that

    def join(self, supervisor: Supervisor, null: int) -> None:
        """Give the apps of a pod that is about to begin their pipes."""
        self.null = null
        starter: Any = supervisor.starter
        starter.streams = self

    def stdio(self, app: App) -> Stdio:
        """What a program of an app gets."""
        return Stdio(self.null, self.writers[app.name, "stdout"], self.writers[app.name, "stderr"])

    def finish(self) -> None:
        """Nothing is kept back here."""


class Raw:
    """Bytes are passed on as they come; as `logsinks.Splitter`."""

    def split(self, data: bytes) -> list[tuple[bytes, bool]]:
        """One piece."""
        return [(data, True)]

    def end(self) -> list[tuple[bytes, bool]]:
        """None is left."""
        return []


class PipeSink:
    """One output on its way through PID 1; as `logsinks.Sink`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lines = Raw()
        self.waiting = b""
        os.set_blocking(fd, False)

    def put(self, lines: list[tuple[bytes, bool]]) -> None:
        """Take it."""
        self.waiting += b"".join(text for text, _ in lines)
        self.flush()

    def flush(self) -> bool:
        """Write what there is room for; whether that was all."""
        try:
            while self.waiting:
                self.waiting = self.waiting[os.write(self.fd, self.waiting) :]
        except BlockingIOError:
            return False
        except OSError:
            self.waiting = b""
        return True
