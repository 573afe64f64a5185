# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What calls of the agent leave for monitoring: one small file below /run, written in place.

Nothing is counted before somebody has asked for it (`begin`). Who may not write counts nothing.
The file is for its owner alone, since whoever can open it can lock it; and nobody waits for long.
Names are words of ours; there are at most `MOST` of them, and the rest is counted together.
"""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.host.lock import try_lock
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.host.paths import Layout

MOST = 200
MOST_BYTES = 65536
TRIES, BETWEEN = 20, 0.005
"""For a lock that another call holds; then this one is not counted."""
OTHER = "refused other other"
TIMES = ("gc-last",)
"""What is not summed up: the last one counts."""


def path(layout: Layout) -> str:
    """The file."""
    return f"{layout.run}/counters"


def begin(layout: Layout) -> None:
    """From now on, count."""
    from podwright.kernel import fs

    fs.ensure_dir(layout.run, 0o755)
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path(layout), flags, 0o600)
    try:
        if os.fstat(fd).st_mode & 0o077:
            step("fchmod")
            os.fchmod(fd, 0o600)  # of an earlier agent
    finally:
        os.close(fd)


def refused(layout: Layout, stage: str, reason: str) -> None:
    """A call was refused, or failed, in this step for this reason (`errors.PodwrightError`)."""
    add(layout, {f"refused {stage} {reason}": 1})


def add(layout: Layout, numbers: Mapping[str, float]) -> None:
    """Count, where somebody wants that; never fails."""
    try:
        fd = os.open(path(layout), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if os.fstat(fd).st_uid == os.geteuid() and _locked(fd):
            _change(fd, numbers)
    except OSError:
        return
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    for _ in range(TRIES):
        if try_lock(fd):
            return True
        time.sleep(BETWEEN)
    return False


def _change(fd: int, numbers: Mapping[str, float]) -> None:
    known = _parse(os.pread(fd, MOST_BYTES, 0))
    for name, number in numbers.items():
        if name not in known and len(known) >= MOST:
            name = OTHER
        known[name] = number if name in TIMES else known.get(name, 0) + number
    data = jsonio.dumps(known).encode()
    step("write")
    os.pwrite(fd, data.ljust(os.fstat(fd).st_size), 0)


def read(layout: Layout) -> dict[str, float]:
    """Everything that was counted since this boot; {} where nobody counts."""
    try:
        with open(path(layout), "rb") as file:
            return _parse(file.read(MOST_BYTES))
    except OSError:
        return {}


def _parse(data: bytes) -> dict[str, float]:
    """What is damaged counts as nothing."""
    try:
        raw = jsonio.loads(data, "counters") if data.strip() else {}
    except PodwrightError:
        return {}
    if not isinstance(raw, dict):
        return {}
    return {
        name: number
        for name, number in raw.items()
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    }
