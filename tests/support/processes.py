# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remember a process in a file, and end that process later, never another one that got its number."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO


@dataclasses.dataclass(frozen=True)
class Running:
    """A process by its number and start time, which together are never used twice within a boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Running:
        """Describe a live process."""
        return cls(pid, start_time(pid), _boot())

    @classmethod
    def load(cls, path: Path) -> Running | None:
        """Read what `save` wrote; None when there is nothing."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        """Write this where `load` finds it, complete or not at all."""
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(json.dumps(dataclasses.asdict(self)))
        partial.rename(path)

    @property
    def alive(self) -> bool:
        """Whether the process still exists."""
        try:
            return self.boot == _boot() and start_time(self.pid) == self.started
        except (FileNotFoundError, ProcessLookupError):
            return False

    def end(self, how: signal.Signals, also: int | None = None, timeout: float = 20) -> None:
        """Signal the process and wait until it has ended, and so has the process `also`."""
        with contextlib.ExitStack() as opened:
            watched = []
            for pid in (self.pid, *([also] if also is not None else [])):
                with contextlib.suppress(ProcessLookupError):
                    watched.append(os.pidfd_open(pid))
                    opened.callback(os.close, watched[-1])
            # Only now is it certain that the numbers cannot be given to others.
            if not self.alive:
                return
            signal.pidfd_send_signal(watched[0], how)
            for descriptor in watched:
                if not select.select([descriptor], [], [], timeout)[0]:
                    raise TimeoutError(f"process {self.pid} did not end within {timeout:.0f} s")
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)


def start_detached(
    command: Sequence[str], directory: Path, stdout: IO[str] | int, stderr: IO[str]
) -> Running:
    """Start a process that outlives this one, in a session of its own."""
    process = subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    # It is nobody's to wait for: without a status Popen would complain when it is forgotten.
    process.returncode = 0
    return Running.of(process.pid)


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot (proc(5), field 22 of stat)."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
