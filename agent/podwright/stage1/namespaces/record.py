# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process is a pod's PID 1: its pid, start time and boot, so that a reused pid is noticed.

`<pod dir>/init` is a JSON object {pid, start_time, boot_id, cgroups, home}; `pid` and `ppid` are the
stage1 contract's plain files (C1).
"""

from __future__ import annotations

import os

from podwright.host import clock, identity
from podwright.kernel import fs
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage1.contract import AppRecord


FORCED = "stopped-by-force"


@value
class InitRecord:
    """process is the PID 1 as `host.identity` records it (pid 0 as long as there is none), with
    the pid in the host's pid namespace; cgroups are directories of the pod.
    """

    process: dict[str, Any]
    cgroups: tuple[str, ...] = ()


def write(pod_dir: str, pid: int, cgroups: list[str]) -> None:
    """Record a pod's PID 1, a child of ours that has not been reaped, or 0 before there is one."""
    from podwright import jsonio

    home = os.path.realpath(f"{pod_dir}/../..")
    record = {**identity.of(pid), "cgroups": cgroups, "home": home}
    texts = {"init": jsonio.dumps(record), "ppid": f"{os.getpid()}\n", "pid": f"{pid}\n"}
    for name in texts if pid else ("init",):
        fs.write_atomic(f"{pod_dir}/{name}", texts[name].encode(), 0o644, durable=False)


def write_reports(pod_dir: str, reports: list[str]) -> None:
    """Record what was found missing at the start; `stage0.report` adds it to what was known."""
    from podwright import jsonio

    data = jsonio.dumps(reports).encode()
    fs.write_atomic(f"{pod_dir}/reports", data, 0o644, durable=False)


def write_forced(pod_dir: str) -> None:
    """Somebody is about to kill the pod as a whole, and wants that."""
    fs.write_atomic(f"{pod_dir}/{FORCED}", b"", 0o644, durable=False)


def was_forced(pod_dir: str) -> bool:
    """Whether that was said."""
    return os.path.lexists(f"{pod_dir}/{FORCED}")


def write_apps(pod_dir: str, apps: tuple[AppRecord, ...]) -> None:
    """Record how apps have fared whose life is not simply that of their pod."""
    from podwright import jsonio

    data = jsonio.dumps(apps_json(apps)).encode()
    fs.write_atomic(f"{pod_dir}/apps", data, 0o644, durable=False)


def apps_json(apps: tuple[AppRecord, ...]) -> dict[str, Any]:
    """App name -> {status, reason, started, finished, restarts, over}; times in RFC 3339."""
    return {
        app.name: {
            "status": app.status,
            "reason": app.reason or None,
            "started": clock.rfc3339(app.started) if app.started else None,
            "finished": clock.rfc3339(app.finished) if app.finished else None,
            "restarts": app.restarts,
            "over": app.over,
        }
        for app in apps
    }


def read(pod_dir: str) -> Optional[InitRecord]:
    """The record of a pod, or None when it never got a PID 1. Raises StoreError for a damaged one."""
    from podwright import jsonio
    from podwright.errors import StoreError, UsageError

    path = f"{pod_dir}/init"
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except FileNotFoundError:
        return None
    except UsageError:
        raw = None
    groups = raw.get("cgroups") if isinstance(raw, dict) else None
    if not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
        raise StoreError(
            f"{path} is damaged, and does not say which processes are the pod's",
            "when the pod has ended, gc removes it",
            object=os.path.basename(pod_dir),
        )
    return InitRecord(raw, tuple(groups))


def read_ended(pod_dir: str) -> Optional[InitRecord]:
    """The record of a pod that nobody holds the lock of; a damaged one counts as none."""
    from podwright.errors import StoreError

    try:
        return read(pod_dir)
    except StoreError:
        return None


def is_copy(pod_dir: str) -> bool:
    """Whether the pod ran, in this boot, in another data directory, of which this one is a copy.

    What its records speak of is the original's: control groups, processes, what plugins have made.
    """
    init = read_ended(pod_dir)
    home = init.process.get("home") if init is not None else None
    if init is None or not isinstance(home, str) or init.process.get("boot_id") != clock.boot_id():
        return False
    try:
        return not os.path.samestat(os.stat(home), os.stat(f"{pod_dir}/../.."))
    except OSError:
        return False  # renamed


def open_init(record: InitRecord) -> Optional[int]:
    """A pidfd of the recorded process; None when it has ended, whoever has its pid now."""
    return identity.open_pidfd(record.process)


def is_orphan(pod_dir: str, record: InitRecord) -> bool:
    """Whether the recorded process runs, and the one that waits for it does not any more."""
    if not identity.alive(record.process):
        return False
    try:
        with open(f"{pod_dir}/ppid", encoding="ascii") as file:
            parent = int(file.read())
        with open(f"/proc/{record.process['pid']}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1]) != parent
    except (OSError, ValueError):
        return False
