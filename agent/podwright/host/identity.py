# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process is meant: a pid alone may be reused, a pid with its start time and boot is not."""

from __future__ import annotations

import os

from podwright.host.clock import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


def start_time(pid: int) -> Optional[int]:
    """Field 22 of /proc/PID/stat (clock ticks since boot), or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def of(pid: int) -> dict[str, Any]:
    """What identifies a running process, as JSON."""
    return {"pid": pid, "start_time": start_time(pid), "boot_id": boot_id()}


def open_pidfd(identity: dict[str, Any]) -> Optional[int]:
    """A pidfd of exactly that process, or None when it is gone."""
    pid = identity.get("pid")
    if not isinstance(pid, int) or pid <= 1 or identity.get("boot_id") != boot_id():
        return None
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # Checked after opening: the descriptor is of the process that has this start time.
    started = start_time(pid)
    if started is None or started != identity.get("start_time"):
        os.close(fd)
        return None
    return fd


def alive(identity: dict[str, Any]) -> bool:
    """Whether exactly that process still runs."""
    fd = open_pidfd(identity)
    if fd is None:
        return False
    os.close(fd)
    return True


def end(identity: dict[str, Any], timeout: float) -> bool:
    """SIGTERM, wait up to `timeout` seconds, then SIGKILL; False when it was gone already."""
    import select
    import signal

    fd = open_pidfd(identity)
    if fd is None:
        return False
    try:
        for number, wait in ((signal.SIGTERM, timeout), (signal.SIGKILL, 10.0)):
            try:
                signal.pidfd_send_signal(fd, number)
            except ProcessLookupError:
                return True
            if select.select([fd], [], [], wait)[0]:
                return True
    finally:
        os.close(fd)
    return True
