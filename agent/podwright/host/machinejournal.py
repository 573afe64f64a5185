# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal of each machine's own, which `journalctl -M` reads below the pod's root (B11).

It is a directory beside the host's own journal that holds entries of that pod only; the pod's
PID 1 has it as its /var/log/journal, read-only, and apps do not see it. One service for the whole host
(`journalservice`) copies the entries. What it needs to know of a pod stands in a record, one
file for each in `<run>/journals`.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel import fs
from podwright.text import safe

PROGRAM = "/usr/lib/systemd/systemd-journal-remote"
UNIT = "podwright-journal.service"
UNITS = (f"/etc/systemd/system/{UNIT}", f"/usr/lib/systemd/system/{UNIT}")
JOURNALS = "/var/log/journal"
RECORDS = "journals"


def machine_id(uuid: str) -> str:
    """What the pod has as its machine ID (machine-id(5))."""
    return uuid.replace("-", "")


def directory(uuid: str) -> str:
    """Where the pod's journal is on the host."""
    return f"{JOURNALS}/{machine_id(uuid)}"


def missing() -> str:
    """What there has to be and is not; "" where journals can be kept.

    The host's own must be kept on disk: a copy in memory is not worth it.
    """
    if not os.path.isdir(JOURNALS):
        return f"no {JOURNALS}: the journal is in memory"
    if not os.path.exists(PROGRAM):
        return "no systemd-journal-remote"
    return "" if any(map(os.path.exists, UNITS)) else f"no {UNIT}"


def begin(uuid: str) -> str:
    """Make the directory of a pod that is about to be a machine; "" where there is to be none."""
    if missing():
        return ""
    path = directory(uuid)
    if not os.path.isdir(path):  # there may be one of an earlier life of the pod
        fs.mkdir(path, 0o2750)
    return path


def announce(run: str, uuid: str, pid: int, unit: str, began: float) -> None:
    """Have the entries of a pod copied: those of `unit` since `began`. Raises HostError."""
    from podwright import jsonio
    from podwright.host import identity
    from podwright.host.bus import Bus, BusError

    record = {
        "uuid": uuid,
        "unit": unit,
        "began": int(began * 1000000),
        "process": identity.of(pid),
    }
    try:
        _record(f"{run}/{RECORDS}", uuid, jsonio.dumps(record).encode())
        bus = Bus()
        try:
            bus.call(
                "org.freedesktop.systemd1",
                "/org/freedesktop/systemd1",
                "StartUnit",
                UNIT,
                "replace",
                interface="org.freedesktop.systemd1.Manager",
            )
        finally:
            bus.close()
    except (OSError, BusError) as err:
        raise HostError(f"{UNIT}: {safe(err)}", "journalctl -M does not show the pod") from None


def _record(place: str, uuid: str, data: bytes) -> None:
    while True:
        fs.ensure_dir(place, 0o700)
        try:
            fs.write_atomic(f"{place}/{uuid}", data, 0o600, durable=False)
            return
        except FileNotFoundError:
            continue  # the service has just ended, and taken the directory with it


def forget(run: str, uuid: str) -> None:
    """Remove the journal of a pod that is being removed. Raises OSError.

    Under another name nobody begins a file in it any more.
    """
    path, aside = directory(uuid), f"{JOURNALS}/.{machine_id(uuid)}"
    if os.path.lexists(aside):
        fs.remove_tree(aside)
    if os.path.lexists(path):
        fs.unlink(f"{run}/{RECORDS}/{uuid}")
        fs.rename(path, aside, durable=False)
        fs.remove_tree(aside)
