# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's journal of a rollout: how far it is, and who is at it.

One JSON file per rollout, `<directory>/<name>.json`. What hosts are, they know themselves; the
journal knows which runs of this controller have ended, so that what they hold on hosts can be
taken over at once, and it is what `podwright_rollout_name` shows to people. `<name>.pause` beside it pauses.

The directory may be on a home that machines share. Of a run elsewhere, another machine or another
PID namespace, nobody here can see whether it lives: it counts as alive as long as a lock of it
would, `lease` seconds after it has last written (`seen`).
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

FORMAT = 1
KEPT = 50
"""Earlier runs that are remembered."""

Content = dict[str, Any]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class JournalError(Exception):
    """The journal cannot be used: one sentence."""


class Busy(Exception):
    """Another run of this rollout is alive, on this controller or on one that shares its journal."""

    def __init__(self, run: dict[str, Any]) -> None:
        hint = "wait for it, or end it"
        where = f"on this controller since {run['since']} (process {run['pid']})"
        if _is_elsewhere(run):
            where = f"elsewhere since {run['since']}, by {run['owner']}"
            hint += "; if it is certain that it has ended, podwright_rollout_force_unlock=true"
        super().__init__(f"rollout {run['rollout']} is running {where}; {hint}")
        self.hint = hint


class Process(NamedTuple):
    """A process of this machine, distinguishable from later ones with the same number.

    where  what can see it, see `here`
    """

    pid: int
    start: str
    where: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """With its start time, where the system tells it (Linux)."""
        return cls(pid, _start(pid), here())

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


def here() -> str:
    """Which processes this one can see: host, machine (machine-id(5)), and PID namespace."""
    machine = namespace = ""
    with contextlib.suppress(OSError), open("/etc/machine-id", encoding="ascii") as file:
        machine = file.read(64).strip()
    with contextlib.suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()} {machine} {namespace}"


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
        if not _is_sound(found):
            raise JournalError(f"the journal {path} is damaged; remove it")
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
                    found += journal["earlier"]
                    found += [journal["run"]] if not _is_running(journal) else []
        return found

    def refuse_second(self, *, force: bool = False) -> None:
        """Raise Busy while another run is alive; with `force` only if it certainly is."""
        last = self.read()
        if last and _is_running(last) and not (force and _is_elsewhere(last)):
            raise Busy(last)

    def begin(self, run: str, content: Content, process: Process, *, force: bool = False) -> None:
        """Write that a run begins; `content` as for `note`. Raises Busy, JournalError."""
        with self._locked():
            last = self.read()
            self.refuse_second(force=force)
            earlier = [*last["earlier"], last["run"]] if last else []
            self._write({**_mine(run, process), **content, "earlier": earlier[-KEPT:]})

    def note(self, run: str, content: Content, process: Process) -> None:
        """Write how far a run is, also where somebody has removed or damaged the journal in between.

        content  rollout, direction, owner, since (RFC 3339), lease (seconds), pods, batches, results, ...

        Raises Busy when another run has begun in between, JournalError when it cannot be written.
        """
        with self._locked():
            last: Content = {}
            with contextlib.suppress(JournalError):
                last = self.read()
            if last and last["run"] != run:
                raise Busy(last)
            self._write({**_mine(run, process), **last, **content, "seen": int(time.time())})

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
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(content, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.rename(new, self.path)
        except OSError as error:
            raise JournalError(
                f"the journal {self.path} cannot be written ({error.strerror});"
                " podwright_rollout_journal names another directory"
            ) from None


def _mine(run: str, process: Process) -> Content:
    """What the journal says of a run that is alive."""
    return {
        "format": FORMAT,
        "run": run,
        "state": "running",
        "seen": int(time.time()),
        "earlier": [],
        **process._asdict(),
    }


def _is_sound(found: Content) -> bool:
    """Whether it has all that is read of it."""
    texts = ("rollout", "run", "state", "owner", "since", "start", "where")
    return (
        all(isinstance(found.get(name), str) for name in texts)
        and all(_is_number(found.get(name)) for name in ("pid", "seen", "lease"))
        and isinstance(found.get("earlier"), list)
        and all(isinstance(one, str) for one in found["earlier"])
        and isinstance(found.get("accepted", []), list)
    )


def _is_number(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool)


def _is_elsewhere(journal: Content) -> bool:
    return bool(journal["where"] != here())


def _is_running(journal: Content) -> bool:
    if journal["state"] != "running" or journal["pid"] <= 0:
        return False
    if _is_elsewhere(journal):
        return bool(time.time() < journal["seen"] + journal["lease"])
    return Process(journal["pid"], journal["start"], journal["where"]).alive
