# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of one machine as files: written through systemd-journal-remote(8), bounded in size."""

from __future__ import annotations

import os
import subprocess

from podwright.errors import HostError
from podwright.host import journalexport, machinejournal
from podwright.host.journal import PROGRAM as JOURNALCTL
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

ACTIVE = "pod.journal"
LARGE = 12 << 20
"""A file of at least that size is put aside; one that is just begun has 8 MiB."""
KEPT = 2
"""How many are kept besides."""
ENDING = (".journal", ".journal~")
LAST = 1000
"""Entries of one moment that are told apart."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class Copies:
    """Where the entries of one pod go. Nothing runs for it between `write` and the end of that."""

    def __init__(self, uuid: str) -> None:
        self.machine_id = machinejournal.machine_id(uuid)
        self.directory = machinejournal.directory(uuid)
        self.written = journalexport.Written(self._last())
        self._child: Optional[subprocess.Popen[bytes]] = None

    def _last(self) -> list[journalexport.Entry]:
        if not files(self.directory):
            return []
        done = subprocess.run(
            [
                *(JOURNALCTL, "--quiet", "--no-pager", "--output=export", "--reverse"),
                *(f"--lines={LAST}", f"--directory={self.directory}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        return journalexport.Splitter().feed(done.stdout)

    def write(self, entry: journalexport.Entry) -> int:
        """Write an entry unless it is there already; how many bytes that were. Raises HostError."""
        if not self.written.take(entry):
            return 0
        if self._child is None:
            self._child = self._begin()
        assert self._child.stdin is not None
        data = journalexport.copy(entry, self.machine_id)
        try:
            self._child.stdin.write(data)
        except OSError:
            self.flush()
            raise HostError(f"{self.directory}: cannot be written to") from None
        return len(data)

    def _begin(self) -> subprocess.Popen[bytes]:
        if not os.path.isdir(self.directory):
            raise HostError(f"{self.directory} is gone")
        try:
            return subprocess.Popen(
                [machinejournal.PROGRAM, f"--output={self.directory}/{ACTIVE}", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
            )
        except OSError as err:
            raise HostError(f"{machinejournal.PROGRAM}: {safe(err)}") from None

    def show(self) -> None:
        """Hand over what is held back here. Raises HostError."""
        if self._child is not None and self._child.stdin is not None:
            try:
                self._child.stdin.flush()
            except OSError:
                self.flush()

    def flush(self) -> None:
        """Have all that was written on disk, and large files put aside. Raises HostError."""
        child, self._child = self._child, None
        if child is None:
            return
        _, said = child.communicate()
        if child.returncode:
            text = safe(said.strip().rpartition(b"\n")[2], 300)
            raise HostError(f"{self.directory}: {text or 'cannot be written to'}")
        self._bound()

    def end(self) -> None:
        """The same, and the file takes no more room than it needs: nothing is to come. Raises HostError."""
        try:
            self.flush()
        finally:
            shrink(f"{self.directory}/{ACTIVE}")

    def _bound(self) -> None:
        path = f"{self.directory}/{ACTIVE}"
        try:
            if os.stat(path).st_size < LARGE:
                return
            others = [name for name in files(self.directory) if name != ACTIVE]
            for name in others[: max(0, len(others) + 1 - KEPT)]:
                fs.unlink(f"{self.directory}/{name}")
            aside = f"{self.directory}/pod@{os.stat(path).st_mtime_ns:020d}.journal"
            fs.rename(path, aside, durable=False)
            shrink(aside)
        except FileNotFoundError:
            return  # the pod has just been removed


def shrink(path: str) -> None:
    """Give back the blocks of a file that are empty, as most are of one with few entries."""
    quiet = subprocess.DEVNULL
    step("fallocate")
    try:
        subprocess.run(
            ["/usr/bin/fallocate", "--dig-holes", path],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            env=ENVIRONMENT,
        )
    except OSError:
        return  # it takes the room, then


def files(directory: str) -> list[str]:
    """The journal's files, oldest first."""
    try:
        names = [name for name in os.listdir(directory) if name.endswith(ENDING)]
        return sorted(names, key=lambda name: os.stat(f"{directory}/{name}").st_mtime_ns)
    except OSError:
        return []
