# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what the apps write is kept, opened on the host's side for the pod's PID 1.

A pod whose output goes to the journal anyway, as a unit's does (JOURNAL_STREAM, systemd.exec(5)),
has entries of its own there, with fields that name pod, app and stream. Without systemd there is a
directory for files. Otherwise apps have our own descriptors, and nothing of this is loaded. What
is needed to find the logs again stands in the pod's directory (`log`).
"""

from __future__ import annotations

import _socket
import os

from podwright import jsonio
from podwright.errors import LaunchError
from podwright.host import clock
from podwright.host.logs import FORMAT, RECORD
from podwright.kernel import fs, logfile
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.logsinks import Sink

JOURNAL, FILES = "journal", "files"
STREAMS = {1: "stdout", 2: "stderr"}


class Sinks:
    """Descriptors, and what is needed to write to them.

    journal    socket of journald, or None; `journaled`: which of stdout and stderr go there
    apart      it is that of another namespace (LogNamespace=)
    fields     of every entry: (name, text)
    files      app -> descriptors: its file, and those that are put aside, the next one first
    max_size   bytes of each of them
    own        makes what else takes an output, given app and stream, instead of all these
    """

    def __init__(self, max_size: int) -> None:
        self.journal: Optional[_socket.socket] = None
        self.journaled: frozenset[str] = frozenset()
        self.apart = False
        self.fields: tuple[tuple[str, str], ...] = ()
        self.files: dict[str, tuple[int, ...]] = {}
        self.max_size = max_size
        self.own: Optional[Callable[[str, str], Sink]] = None

    def descriptors(self) -> frozenset[int]:
        """All that has to stay open."""
        files = {fd for fds in self.files.values() for fd in fds}
        return frozenset(files if self.journal is None else files | {self.journal.fileno()})

    def close(self) -> None:
        """PID 1 has them now."""
        for fds in self.files.values():
            for fd in fds:
                os.close(fd)
        if self.journal is not None:
            self.journal.close()
        self.journal, self.files = None, {}


def open_all(pod: Launch, plan: PodPlan) -> Optional[Sinks]:
    """Open what the pod needs, and record it; None when it needs nothing after all.

    Raises LaunchError for a file that cannot be had.
    """
    most, count = pod.log_limits
    sinks = Sinks(most)
    names = [app.name for app in plan.apps]
    try:
        found = _files(sinks, pod, names, count) if pod.log_files else _journal(sinks, pod)
        for app in plan.apps:
            if app.life.streams is not None and app.life.streams.log_path:
                path = app.life.streams.log_path
                for fd in sinks.files.get(app.name, ()):
                    os.close(fd)
                sinks.files[app.name] = _ring(app.name, path, count)
                found.setdefault("paths", {})[app.name] = path
    except BaseException:
        sinks.close()
        raise
    if found:
        _record_everywhere(pod, found)
    special = plan.mutable or any(app.life.streams is not None for app in plan.apps)
    return sinks if found or special else None


def open_for(pod: Launch, name: str) -> Optional[Sinks]:
    """Open a log for all that a pod writes, as that of one app, and record it; None where there is none."""
    most, count = pod.log_limits
    sinks = Sinks(most)
    try:
        found = _files(sinks, pod, [name], count) if pod.log_files else _journal(sinks, pod)
    except BaseException:
        sinks.close()
        raise
    if not found:
        return None
    _record_everywhere(pod, found)
    return sinks


def _record_everywhere(pod: Launch, found: dict[str, Any]) -> None:
    for directory in (pod.pod_dir, pod.log_dir) if pod.log_dir else (pod.pod_dir,):
        record(directory, pod, found)


def record(directory: str, pod: Launch, found: dict[str, Any]) -> None:
    """Write what finds the logs again."""
    text = {"format": FORMAT, "started": clock.now(), "uuid": pod.uuid, "name": pod.name, **found}
    data = jsonio.dumps(text).encode()
    fs.write_atomic(f"{directory}/{RECORD}", data, 0o640, durable=False)


def _files(sinks: Sinks, pod: Launch, apps: list[str], count: int) -> dict[str, Any]:
    fs.ensure_dir(pod.log_dir, 0o750)
    for app in apps:
        sinks.files[app] = _ring(app, f"{pod.log_dir}/{app}.log", count)
    return {"kind": FILES, "directory": pod.log_dir}


def _ring(app: str, path: str, count: int) -> tuple[int, ...]:
    """The file and those beside it, oldest first. Raises LaunchError."""
    try:
        first = logfile.open_file(path, append=True)
        others = [logfile.open_file(f"{path}.{n}", append=False) for n in range(1, count)]
    except OSError as err:
        raise LaunchError(
            f"app {app}: its log {safe(path, 200)} cannot be written: {err.strerror}",
            "make its directory, or choose another path",
            object=app,
        ) from None
    return (first, *sorted(others, key=_age))


def _age(fd: int) -> tuple[bool, int]:
    found = os.fstat(fd)
    return found.st_size > 0, found.st_mtime_ns


def _journal(sinks: Sinks, pod: Launch) -> dict[str, Any]:
    """Connect where our own output goes, when that is the journal."""
    said = os.environ.get("JOURNAL_STREAM", "")
    ours = {name: fd for fd, name in STREAMS.items() if said and _is(fd, said)}
    if not ours:
        return {}
    where = _address(min(ours.values()))
    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        channel.connect(f"{where}/socket")
    except OSError:
        channel.close()
        return {}  # no journal that takes entries: as before, with our own output
    channel.setblocking(False)
    sinks.journal, sinks.journaled = channel, frozenset(ours)
    sinks.apart = "/journal." in where
    unit = _unit()
    name = (("PODWRIGHT_POD", pod.name),) if pod.name else ()
    sinks.fields = (("PODWRIGHT_UUID", pod.uuid), *name)
    return {
        "kind": JOURNAL,
        "unit": unit,
        "invocation": os.environ.get("INVOCATION_ID", ""),
        "boot": clock.boot_id(),
        "namespace": where.partition("/journal.")[2],
    }


def _is(fd: int, said: str) -> bool:
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return said == f"{found.st_dev}:{found.st_ino}"


def _address(fd: int) -> str:
    """The directory of the journal that `fd` is connected to."""
    channel = _socket.socket(fileno=os.dup(fd))
    try:
        peer = channel.getpeername()
    except OSError:
        peer = ""
    finally:
        channel.close()
    plain = isinstance(peer, str) and peer.startswith("/run/systemd/journal")
    return os.path.dirname(peer) if plain else "/run/systemd/journal"


def _unit() -> str:
    """The unit that we are in (cgroups(7)), or ""."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "name=systemd"):
            return _unit_of(path)
    return ""


def _unit_of(path: str) -> str:
    """The first part of a path that is a service or a scope, as the journal finds it."""
    parts = path.split("/")
    return next((part for part in parts if part.endswith((".service", ".scope"))), "")
