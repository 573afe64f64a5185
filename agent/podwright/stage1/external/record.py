# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a pod's processes are: what its stage1 says (`pid`, `ppid`), checked and written down (`init`).

`init` is what `stage1/namespaces/record.py` reads, with the pod's process as the contract means it, and in
addition `launcher`, whose mounts the pod's are, and `run`, the process of the entry point.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.host import identity
from podwright.kernel import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.cgroups import PodCgroup

SAID = ("pid", "ppid")
ASKED = "stop-asked"
MOST = 64
HIGHEST_STATUS = 255


def write(pod_dir: str, pid: int, run: int, cgroups: list[str]) -> None:
    """Record the pod's processes; pid 0 as long as its stage1 has not said which one it is."""
    record = {
        **identity.of(pid),
        "cgroups": cgroups,
        "home": os.path.realpath(f"{pod_dir}/../.."),
        "launcher": identity.of(os.getpid()),
        "run": identity.of(run),
    }
    fs.write_atomic(f"{pod_dir}/init", jsonio.dumps(record).encode(), 0o644, durable=False)


def said(pod_dir: str) -> int:
    """The process that the stage1 says the pod is; 0 as long as it says nothing that is one."""
    pid = _number(f"{pod_dir}/pid")
    if pid:
        return pid
    parent = _number(f"{pod_dir}/ppid")
    found = children(parent) if parent else []
    return found[0] if len(found) == 1 else 0


def _number(path: str) -> int:
    """What a file of a stage1 has, which may be anything."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = os.read(fd, MOST).strip()
    except OSError:
        return 0
    finally:
        os.close(fd)
    return int(text) if text.isdigit() and len(text) < 10 else 0


def exit_status(text: str) -> Optional[int]:
    """What a status file says, if that is an exit status: a decimal number up to 255."""
    plain = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if plain and int(text) <= HIGHEST_STATUS else None


def children(parent: int) -> list[int]:
    """The children of a process."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _above(name) == parent]


def _above(pid: str) -> int:
    """The parent of a process; 0 for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def is_below(pid: int, ancestor: int) -> bool:
    """Whether a process descends from another one."""
    for _ in range(4096):
        pid = _above(str(pid))
        if pid in (0, ancestor):
            break
    return pid == ancestor


def is_ours(pid: int, group: Optional[PodCgroup]) -> bool:
    """Whether a process is of the pod that we run: our descendant, or in its control groups."""
    if pid <= 1 or identity.start_time(pid) is None:
        return False
    if is_below(pid, os.getpid()):
        return True
    from podwright.host import freezer

    places = group.directories() if group is not None else []
    return any(pid in freezer.members(place) for place in places)


def read(pod_dir: str) -> dict[str, Any]:
    """The record; nothing in it when there is none, or a damaged one."""
    from podwright.stage1.namespaces import record

    found = record.read_ended(pod_dir)
    return dict(found.process) if found is not None else {}


def open_one(found: dict[str, Any], who: str) -> Optional[int]:
    """A pidfd of the `launcher` or of `run`, or None when it has ended."""
    one = found.get(who)
    return identity.open_pidfd(one) if isinstance(one, dict) else None


def ask(pod_dir: str) -> None:
    """Somebody wants the pod to end; its launcher sees to it."""
    fs.write_atomic(f"{pod_dir}/{ASKED}", b"", 0o644, durable=False)


def was_asked(pod_dir: str) -> bool:
    """Whether that was said."""
    return os.path.lexists(f"{pod_dir}/{ASKED}")
