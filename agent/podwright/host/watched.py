# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a call's downloads are, for those who look from outside: a small file below /run, for root only.

Whoever calls the agent names it in PODWRIGHT_PROGRESS, 32 hexadecimal digits that nobody else has,
and reads `/run/podwright/progress/NAME` meanwhile. It is one line of JSON, replaced in one step:

    {"images":[{"done":1048576,"image":"example.com/redis:7","total":10485760}],"version":1}

`images` are those that this call has begun with, the one that came last as the last, and `total` is
null while nobody knows. The file appears with the first bytes and is removed at the end of the call;
what a killed one leaves is removed by a later one. It never fails a call, and nothing reads it but
people's views: it decides nothing.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock

from podwright import jsonio
from podwright.kernel import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout

    Progress = Callable[[str, int, Optional[int]], None]

VARIABLE = "PODWRIGHT_PROGRESS"
DIGITS = 32
OFTEN, PARTS = 0.5, 20
"""Seconds between two contents of the file; one more comes after each such part, which may be the last for a while."""
MOST, LONGEST = 10, 300
"""Images in the file, and characters of a name."""
FORGOTTEN = 24 * 3600
"""Seconds after which a file that nobody has written since is a killed call's."""


def is_name(name: str) -> bool:
    """Whether a file of downloads can be called so."""
    return len(name) == DIGITS and not name.strip("0123456789abcdef")


def directory(layout: Layout) -> str:
    """Where these files are."""
    return f"{layout.run}/progress"


def asked() -> str:
    """The name that the caller wants; "" for none. No process that we start is meant by it."""
    name = os.environ.pop(VARIABLE, "")
    return name if is_name(name) else ""


class Watched:
    """Called like any Progress; `close` removes the file."""

    def __init__(self, layout: Layout, name: str, also: Optional[Progress] = None) -> None:
        self._run, self._place = layout.run, directory(layout)
        self._path = f"{self._place}/{name}"
        self._also = also
        self._images: dict[str, tuple[int, Optional[int]]] = {}
        self._written = 0.0
        self._part = ("", 0)
        self._lock = allocate_lock()

    def __call__(self, what: str, done: int, total: Optional[int]) -> None:
        if self._also is not None:
            self._also(what, done, total)
        now = time.monotonic()
        with self._lock:
            if what not in self._images and len(self._images) >= MOST:
                del self._images[next(iter(self._images))]
            self._images[what] = (done, total)
            part = (what, done * PARTS // total if total else 0)
            if self._path and (now - self._written >= OFTEN or part != self._part):
                self._part = part
                self._write(now)

    def _write(self, now: float) -> None:
        """Tell it; who cannot, as on a full file system, does not try again."""
        try:
            if not self._written:
                self._prepare()
            fs.write_atomic(self._path, _line(self._images), durable=False)
        except OSError:
            self._path = ""
        self._written = now

    def _prepare(self) -> None:
        fs.ensure_dir(self._run, 0o755)
        fs.ensure_dir(self._place, 0o700)
        sweep(self._place, time.time() - FORGOTTEN)

    def close(self) -> None:
        """The call ends."""
        path, self._path = self._path, ""
        if path and self._written:
            try:
                fs.unlink(path)
            except OSError:
                return


def _line(images: dict[str, tuple[int, Optional[int]]]) -> bytes:
    told = [
        {"image": what[:LONGEST], "done": done, "total": total}
        for what, (done, total) in images.items()
    ]
    return f"{jsonio.dumps({'version': 1, 'images': told})}\n".encode("utf-8", "replace")


def sweep(place: str, before: float) -> None:
    """Remove what nobody has written since then."""
    for name in os.listdir(place):
        try:
            written = os.lstat(f"{place}/{name}").st_mtime
        except FileNotFoundError:  # its own call has ended
            continue
        if written < before:
            fs.unlink(f"{place}/{name}")
