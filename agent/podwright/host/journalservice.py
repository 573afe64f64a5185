# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies entries of the host's journal to the journals of the machines that they are of.

One process for the whole host, which ends with the last pod. How far it has come is written only when all
before that is on disk; what comes after it is compared with what a pod's journal has. So it may be
killed at any moment, and nothing is lost, and nothing there twice.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time

from podwright import jsonio
from podwright.errors import HostError, PodwrightError
from podwright.host import identity, journal
from podwright.host.journalcopies import ENVIRONMENT, Copies
from podwright.host.journalexport import CURSOR, Source, Splitter, believed
from podwright.kernel import fs
from podwright.kernel.inotify import Watch
from podwright.model.names import is_uuid
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

STATE = "state"
IDLE, MOST = 2.0, 15.0
"""Seconds without an entry, and in all, after which what was written is brought to disk."""
LARGE = 4 << 20
"""Bytes after which it is, too."""


class Pod:
    """One that is followed, and a descriptor that tells when its PID 1 has ended, or None."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.source = Source(record["uuid"], record["unit"])
        self.began = int(record["began"])
        self.process = record["process"]
        self.fd = identity.open_pidfd(record["process"])
        self.copies = Copies(self.source.uuid)

    def close(self) -> None:
        """Let go of it."""
        if self.fd is not None:
            os.close(self.fd)


def matches(sources: list[Source]) -> list[str]:
    """What journalctl is asked for: entries of these pods, from their units. Pure."""
    out: list[str] = []
    for source in sources:
        out += ["+"] if out else []
        out += [f"PODWRIGHT_UUID={source.uuid}", f"_SYSTEMD_UNIT={source.unit}"]
    return out


class Service:
    """All of it. `directory` holds the records; `note` tells people what went wrong."""

    def __init__(self, directory: str, note: Callable[[str], None]) -> None:
        self.directory = directory
        self.note = note
        self.pods: dict[str, Pod] = {}
        self.cursor = ""
        self.covered: list[str] = []
        self.first = self.last = 0.0
        self.size = 0
        self.asked = False
        self.watch = Watch()
        self.wake, self.waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        """Work until there is nothing to do any more, or SIGTERM comes."""
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        self.watch.on(self.directory)
        self._load()
        while True:
            self._look()
            if not self.pods:
                return
            if not self._ended() and not self.asked:
                self._follow()
            gone = self._ended()
            if gone or self.asked:
                journal.sync()
                self._read(list(self.pods.values()), self._onward())
                self._flush()
            for pod in gone:
                self._drop(pod)
            if self.asked:
                return

    def _stop(self, *_: object) -> None:
        self.asked = True

    def _load(self) -> None:
        try:
            with open(f"{self.directory}/{STATE}", "rb") as file:
                raw = jsonio.loads(file.read(), STATE)
            self.cursor, self.covered = str(raw["cursor"]), [str(one) for one in raw["pods"]]
        except (OSError, PodwrightError, KeyError, TypeError):
            return  # from the beginning of each pod

    def _look(self) -> None:
        """Take up pods that are new, and what they have said until now; forget removed ones."""
        names = {name for name in os.listdir(self.directory) if is_uuid(name)}
        for uuid in sorted(set(self.pods) - names):
            self._drop(self.pods[uuid])
        for uuid in sorted(names - set(self.pods)):
            pod = self._pod(uuid)
            if pod is None:
                continue
            self.pods[uuid] = pod
            if uuid not in self.covered or not self.cursor:
                since = [f"--since=@{pod.began / 1e6:.6f}"]
                self._read([pod], since, moves=not self.cursor)
                self.covered.append(uuid)

    def _pod(self, uuid: str) -> Optional[Pod]:
        try:
            record = self._record(uuid)
            return Pod(record) if record is not None else None
        except (PodwrightError, KeyError, TypeError, ValueError) as err:
            self.note(f"{self.directory}/{uuid}: {safe(err)}")
            fs.unlink(f"{self.directory}/{uuid}")
            return None

    def _record(self, uuid: str) -> Optional[dict[str, Any]]:
        path = f"{self.directory}/{uuid}"
        try:
            with open(path, "rb") as file:
                raw: dict[str, Any] = jsonio.loads(file.read(), path)
        except FileNotFoundError:
            return None
        return raw

    def _ended(self) -> list[Pod]:
        ready = _ready([pod.fd for pod in self.pods.values() if pod.fd is not None], 0)
        return [pod for pod in self.pods.values() if pod.fd is None or pod.fd in ready]

    def _drop(self, pod: Pod) -> None:
        """Nothing more comes of this life; another one of the same pod has its own record."""
        uuid = pod.source.uuid
        del self.pods[uuid]
        pod.close()
        self._attempt(pod, pod.copies.end)
        again = self._record(uuid)
        if again is not None and again["process"] == pod.process:
            fs.unlink(f"{self.directory}/{uuid}")
        self.covered = [one for one in self.covered if one != uuid]

    def _onward(self) -> list[str]:
        """From the last entry on. With --after-cursor journalctl passes over the next one when this
        one is of a pod that is not asked for any more; here it may come again, which does no harm."""
        if self.cursor:
            return [f"--cursor={self.cursor}"]
        return [f"--since=@{min(pod.began for pod in self.pods.values()) / 1e6:.6f}"]

    def _read(self, pods: list[Pod], start: list[str], moves: bool = True) -> None:
        """Copy what the journal has by now."""
        child = _journalctl([*start, "--lines=all"], pods, subprocess.PIPE)
        splitter = Splitter()
        assert child.stdout is not None
        for data in _pieces(child.stdout.fileno()):
            self._take(splitter, data, moves)
        _, said = child.communicate()
        if child.returncode and said:
            raise HostError(f"the host's journal cannot be read: {safe(said.strip(), 300)}")

    def _follow(self) -> None:
        """Copy entries as they come, until there is something else to do."""
        child = _journalctl([*self._onward(), "--lines=all", "--follow"], list(self.pods.values()))
        assert child.stdout is not None
        out, splitter = child.stdout.fileno(), Splitter()
        ends = [pod.fd for pod in self.pods.values() if pod.fd is not None]
        try:
            while True:
                waited = [out, self.watch.fd, self.wake, *ends]
                ready = _ready(waited, self._patience())
                if out in ready:
                    data = os.read(out, 1 << 16)
                    if not data:
                        break
                    self._take(splitter, data)
                    self._show()
                if self._patience() == 0:
                    self._flush()
                if any(fd in ready for fd in (self.wake, *ends)):
                    return
                if self.watch.fd in ready and self.watch.wait(0) and self._changed():
                    return
        finally:
            child.terminate()
            child.stdout.close()
            self._flush()
            child.wait()
        raise HostError("journalctl has ended", "see whether the host's journal can be read")

    def _changed(self) -> bool:
        return {name for name in os.listdir(self.directory) if is_uuid(name)} != set(self.pods)

    def _patience(self) -> Optional[float]:
        """Seconds until what was written has to be on disk; None for never."""
        if not self.first:
            return None
        if self.size > LARGE:
            return 0
        return max(0, min(self.first + MOST, self.last + IDLE) - time.monotonic())

    def _take(self, splitter: Splitter, data: bytes, moves: bool = True) -> None:
        sources = {uuid: pod.source for uuid, pod in self.pods.items()}
        for entry in splitter.feed(data):
            uuid = believed(entry, sources)
            if uuid in self.pods:
                pod = self.pods[uuid]
                self._attempt(pod, lambda pod=pod, entry=entry: self._write(pod, entry))  # type: ignore[misc]
            if moves:
                self.cursor = entry.text(CURSOR) or self.cursor
            self.last = time.monotonic()
            self.first = self.first or self.last
        if self.size > LARGE:
            self._flush()

    def _write(self, pod: Pod, entry: Any) -> None:
        self.size += pod.copies.write(entry)

    def _attempt(self, pod: Pod, what: Callable[[], object]) -> None:
        """A pod whose journal cannot be written to does not keep others from having one."""
        try:
            what()
        except (HostError, OSError) as err:
            if os.path.isdir(pod.copies.directory):
                self.note(str(err))

    def _show(self) -> None:
        for pod in self.pods.values():
            self._attempt(pod, pod.copies.show)

    def _flush(self) -> None:
        """Bring everything to disk, then write how far that is."""
        for pod in self.pods.values():
            self._attempt(pod, pod.copies.flush)
        self.first = self.last = 0.0
        self.size = 0
        data = jsonio.dumps({"cursor": self.cursor, "pods": self.covered}).encode()
        fs.write_atomic(f"{self.directory}/{STATE}", data, 0o600, durable=False)


def _ready(fds: list[int], seconds: Optional[float]) -> set[int]:
    """Which descriptors have something, after waiting for that; None waits as long as it takes."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)}


def _journalctl(
    arguments: list[str], pods: list[Pod], errors: Optional[int] = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(journal.PROGRAM, "--quiet", "--no-pager", "--output=export", *arguments),
            *matches([pod.source for pod in pods]),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=ENVIRONMENT,
    )


def _pieces(fd: int) -> Iterator[bytes]:
    while True:
        data = os.read(fd, 1 << 16)
        if not data:
            return
        yield data


def waiting(directory: str) -> bool:
    """Whether there is a pod to be followed; without any, nothing stays."""
    try:
        if any(map(is_uuid, os.listdir(directory))):
            return True
    except FileNotFoundError:
        return False
    fs.unlink(f"{directory}/{STATE}")
    fs.rmdir_empty(directory)
    return any(map(is_uuid, os.listdir(directory))) if os.path.isdir(directory) else False
