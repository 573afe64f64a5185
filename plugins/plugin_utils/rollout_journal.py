# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's journal of a rollout: how far it is, and who is at it.

One JSON file per rollout, `<directory>/<name>.json`. What hosts are, they know themselves; the
journal knows which runs of this controller have ended, so that what they hold on hosts can be
taken over at once, and it is what `podwright_rollout_name` shows to people. `<name>.pause` beside it pauses.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

FORMAT = 1
KEPT = 50
"""Earlier runs that are remembered."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class JournalError(Exception):
    """The journal cannot be used: one sentence."""


class Busy(Exception):
    """Another run of this rollout is alive on this controller."""

    def __init__(self, run: dict[str, Any]) -> None:
        super().__init__(
            f"rollout {run['rollout']} is running on this controller since {run['since']}"
            f" (process {run['pid']}); wait for it, or end it"
        )


class Process(NamedTuple):
    """A process of this machine, distinguishable from later ones with the same number."""

    pid: int
    start: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """With its start time, where the system tells it (Linux)."""
        return cls(pid, _start(pid))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return not self.start or _start(self.pid) == self.start


def _start(pid: int) -> str:
    """Boot and time of a process's start (proc(5), field 22), or ""."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            field = file.read().rpartition(")")[2].split()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
    except OSError:
        return ""
    return "" if field[0] in "ZX" else f"{boot} {field[19]}"


def owner(pid: int) -> str:
    """Who rolls out, for people."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {pid})"


def default_directory() -> str:
    """Where journals lie if nothing else is said."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return f"{base}/podwright/rollouts"


class Journal:
    """The journal of one rollout."""

    def __init__(self, directory: str, name: str) -> None:
        if not NAME.fullmatch(name):
            raise JournalError(
                f"podwright_rollout_name: {name!r} is no name; write letters, digits, dots, dashes, underscores"
            )
        self.directory, self.name = directory, name
        self.path = f"{directory}/{name}.json"
        self.pause = f"{directory}/{name}.pause"

    def read(self) -> dict[str, Any]:
        """What it says; empty if there is none."""
        return self._read(self.path)

    def _read(self, path: str) -> dict[str, Any]:
        try:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise JournalError(f"the journal {path} cannot be read ({error}); remove it") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise JournalError(
                f"the journal {path} is of another version of this collection; remove it"
            )
        return found

    def ended(self) -> list[str]:
        """Runs of all rollouts of this controller that are over, well or not."""
        if not os.path.isdir(self.directory):
            return []
        found = []
        for entry in sorted(os.listdir(self.directory)):
            if entry.endswith(".json"):
                with contextlib.suppress(JournalError):
                    journal = self._read(f"{self.directory}/{entry}")
                    found += journal.get("earlier", [])
                    found += [journal["run"]] if not _is_running(journal) else []
        return found

    def refuse_second(self) -> None:
        """Raise Busy while another run is alive."""
        last = self.read()
        if _is_running(last):
            raise Busy(last)

    def begin(self, run: str, content: dict[str, Any], process: Process) -> None:
        """Write that a run begins. Raises Busy, JournalError."""
        with self._locked():
            last = self.read()
            if last and last["run"] != run and _is_running(last):
                raise Busy(last)
            earlier = [*last.get("earlier", []), last["run"]] if last else []
            mine = {"pid": process.pid, "start": process.start, "earlier": earlier[-KEPT:]}
            self._write({"format": FORMAT, **content, "run": run, "state": "running", **mine})

    def note(self, run: str, **changes: Any) -> None:
        """Write how far a run is. Raises Busy when another one has begun in between."""
        with self._locked():
            content = self.read()
            if content and content["run"] != run:
                raise Busy(content)
            self._write({**content, **changes})

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            lock = os.open(f"{self.directory}/.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(
                f"{self.directory}: {error.strerror}; podwright_rollout_journal names another directory"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, content: dict[str, Any]) -> None:
        new = f"{self.path}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, self.path)


def _is_running(journal: dict[str, Any]) -> bool:
    process = Process(int(journal.get("pid", 0)), str(journal.get("start", "")))
    return journal.get("state") == "running" and process.pid > 0 and process.alive
