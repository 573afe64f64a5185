# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process is a pod's PID 1: its pid, start time and boot, so that a reused pid is noticed.

`<pod dir>/init` is a JSON object {pid, start_time, boot_id, cgroups}; `pid` and `ppid` are the
stage1 contract's plain files (C1).
"""

from __future__ import annotations

import os

from podwright.kernel import fs
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


@value
class InitRecord:
    """pid in the host's pid namespace, 0 as long as there is none; start_time in clock ticks
    since boot (proc(5), field 22); cgroups are directories of the pod.
    """

    pid: int
    start_time: int
    boot_id: str
    cgroups: tuple[str, ...] = ()


def boot_id() -> str:
    """Identifies this boot of the kernel."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def start_time(pid: int) -> Optional[int]:
    """When a process started; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the name in parentheses, which may itself hold anything.
    return int(text.rpartition(b")")[2].split()[19])


def write(pod_dir: str, pid: int, cgroups: list[str]) -> None:
    """Record a pod's PID 1, a child of ours that has not been reaped, or 0 before there is one."""
    from podwright import jsonio

    record = {
        "pid": pid,
        "start_time": start_time(pid) if pid else 0,
        "boot_id": boot_id(),
        "cgroups": cgroups,
    }
    texts = {"init": jsonio.dumps(record), "ppid": f"{os.getpid()}\n", "pid": f"{pid}\n"}
    for name in texts if pid else ("init",):
        fs.write_atomic(f"{pod_dir}/{name}", texts[name].encode(), 0o644, durable=False)


def read(pod_dir: str) -> Optional[InitRecord]:
    """The record of a pod, or None when it never got a PID 1."""
    from podwright import jsonio

    try:
        with open(f"{pod_dir}/init", "rb") as file:
            raw = jsonio.loads(file.read(), f"{pod_dir}/init")
    except FileNotFoundError:
        return None
    return InitRecord(
        int(raw["pid"]), int(raw["start_time"]), str(raw["boot_id"]), tuple(raw["cgroups"])
    )


def open_init(record: InitRecord) -> Optional[int]:
    """A pidfd of the recorded process; None when it has ended, whoever has its pid now."""
    if record.pid == 0 or record.boot_id != boot_id():
        return None
    try:
        pidfd = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return None
    # Checked after opening: the descriptor is of the process that has this start time.
    if start_time(record.pid) != record.start_time:
        os.close(pidfd)
        return None
    return pidfd
