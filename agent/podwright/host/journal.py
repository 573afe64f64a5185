# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of the host, read through journalctl(1): the entries of one pod's apps."""

from __future__ import annotations

import os
import select
import subprocess

from podwright import jsonio
from podwright.errors import HostError, PodwrightError
from podwright.host.logread import Line
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.logread import Query

PROGRAM = "/usr/bin/journalctl"
FIELDS = "MESSAGE,PODWRIGHT_APP,PODWRIGHT_STREAM,PODWRIGHT_PARTIAL"


def command(record: dict[str, Any], query: Query, cursor: str = "") -> list[str]:
    """What is executed for a pod's record; `cursor`: only what comes after that entry.

    The unit, which the journal finds out itself, keeps entries out that somebody else forged.
    """
    unit, namespace = record.get("unit"), record.get("namespace")
    return [
        *(PROGRAM, "--no-pager", "--quiet", "--all", "--output=json"),
        f"--output-fields={FIELDS}",
        *([f"--namespace={namespace}"] if namespace else []),
        *([f"--since=@{query.since:.6f}"] if query.since and not cursor else []),
        *([f"--after-cursor={cursor}"] if cursor else []),
        f"--lines={'all' if query.lines is None else query.lines}",
        *(["--follow"] if query.follow else []),
        f"PODWRIGHT_UUID={record['uuid']}",
        *([f"_SYSTEMD_UNIT={unit}"] if unit else []),
        *([f"PODWRIGHT_APP={query.app}"] if query.app else []),
        *([f"PODWRIGHT_STREAM={query.stream}"] if query.stream else []),
    ]


def parse(data: bytes) -> Optional[Line]:
    """An entry as journalctl writes it; None for what is none of an app."""
    try:
        raw = jsonio.loads(data, "entry of the journal", limit=1 << 26)
        time, app = int(raw["__REALTIME_TIMESTAMP"]), raw["PODWRIGHT_APP"]
        text = _bytes(raw.get("MESSAGE"))
        stream = raw.get("PODWRIGHT_STREAM")
    except (PodwrightError, KeyError, TypeError, ValueError):
        return None
    if not isinstance(app, str) or not isinstance(stream, str):
        return None
    return Line(time * 1000, app, stream, text, "PODWRIGHT_PARTIAL" not in raw)


def _bytes(raw: Any) -> bytes:
    """Text, or a list of bytes where it is no text."""
    if isinstance(raw, list):
        return bytes(raw)
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def cursor_of(data: bytes) -> str:
    """The place of an entry, or "" for what is none."""
    try:
        found = jsonio.loads(data, "entry of the journal", limit=1 << 26)["__CURSOR"]
    except (PodwrightError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def sync() -> None:
    """Have the journal write down what it was told; where it cannot be asked, it will do so soon."""
    quiet = subprocess.DEVNULL
    try:
        subprocess.run([PROGRAM, "--sync"], stdin=quiet, stdout=quiet, stderr=quiet, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return


class Journal:
    """A journalctl that runs."""

    def __init__(self, record: dict[str, Any], query: Query, cursor: str = "") -> None:
        try:
            self.process = subprocess.Popen(
                command(record, query, cursor),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8"},
            )
        except OSError as err:
            raise HostError(
                f"the journal cannot be read: {PROGRAM}: {err.strerror}", "install systemd's tools"
            ) from None
        assert self.process.stdout is not None
        self.fd = self.process.stdout.fileno()
        self.record = record
        self.query = query
        self.rest = b""
        self.cursor = ""
        self.ended = False

    def poll(self, seconds: float) -> list[Line]:
        """See `Reader`."""
        wait = seconds if self.query.follow else None
        while not self.ended and select.select([self.fd], [], [], wait)[0]:
            data = os.read(self.fd, 1 << 16)
            if not data:
                self._end()
            *lines, self.rest = (self.rest + data).split(b"\n")
            if lines:
                self.cursor = cursor_of(lines[-1]) or self.cursor
            found = [line for line in map(parse, lines) if line is not None]
            if found:
                return found
        return []

    def finish(self) -> list[Line]:
        """See `Reader`. What follows the journal may not have seen the last of it yet."""
        if not self.query.follow:
            return []
        self.close()
        sync()
        query = replace(self.query, follow=False, lines=None if self.cursor else self.query.lines)
        rest = Journal(self.record, query, self.cursor)
        out: list[Line] = []
        try:
            while True:
                found = rest.poll(0.0)
                if not found:
                    return out
                out += found
        finally:
            rest.close()

    def _end(self) -> None:
        self.ended = True
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        if self.process.wait() and said:
            raise HostError(f"the journal cannot be read: {safe(said.strip(), 300)}")

    def close(self) -> None:
        """See `Reader`."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate()
