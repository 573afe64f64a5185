# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of a pod's domain on the host: files below /run/podwright/xen, and what they stand for.

<uuid>.lock is held by who holds the domain (`holder`), <uuid>/ has its block devices and the number of the
domain. Whoever gets the lock takes back what is left: the pod's parent at its end, and `gc` and the next starts
for those that were killed together with all that belonged to them.
"""

from __future__ import annotations

import os
import time

from podwright.host.lock import OPEN, try_lock
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model.names import is_uuid

RUN = "/run/podwright"
LOCK = ".lock"
DOMID = "domid"
PATIENCE = 120.0
"""Seconds for a holder that was let go to have ended the domain."""
MOMENT = 0.05


def directory(run: str = RUN) -> str:
    """Where the places of all pods are."""
    return f"{run}/xen"


class Place:
    """That of one pod, held by this process."""

    def __init__(self, uuid: str, run: str = RUN) -> None:
        fs.ensure_dir(run, 0o755)
        fs.ensure_dir(directory(run), 0o700)
        self.path = f"{directory(run)}/{uuid}"
        step("open")
        self.lock = os.open(f"{self.path}{LOCK}", OPEN, 0o600)
        try_lock(self.lock)
        fs.ensure_dir(self.path, 0o700)
        self.configuration = f"{self.path}/xl.cfg"

    def disk(self, number: int, device: int) -> str:
        """A node for a block device of the host, which has the name of nobody else."""
        path = f"{self.path}/disk{number}"
        fs.unlink(path)
        fs.make_block_device(path, os.major(device), os.minor(device), 0o600, 0, 0)
        return path

    def record(self, domid: int) -> None:
        """Write down the domain's number: what is left of it in Xenstore is found by that."""
        fs.write_atomic(f"{self.path}/{DOMID}", str(domid).encode(), 0o600, durable=False)

    def remove(self) -> None:
        """All is over."""
        _remove(self.path)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        fs.remove_tree(path)
    fs.unlink(f"{path}{LOCK}")


def end(uuid: str, run: str = RUN) -> None:
    """Wait until nobody holds the domain of a pod any more, and take back what is left of it."""
    path = f"{directory(run)}/{uuid}{LOCK}"
    until = time.monotonic() + PATIENCE
    while os.path.exists(path) and not _reclaim(path) and time.monotonic() < until:
        time.sleep(MOMENT)


def sweep(run: str = RUN) -> list[str]:
    """Take back what nobody holds; the UUIDs."""
    try:
        names = os.listdir(directory(run))
    except FileNotFoundError:
        return []
    uuids = [name[: -len(LOCK)] for name in names if name.endswith(LOCK)]
    return [uuid for uuid in uuids if is_uuid(uuid) and _reclaim(f"{directory(run)}/{uuid}{LOCK}")]


def _reclaim(path: str) -> bool:
    """Take back what belongs to a lock that nobody holds; False where somebody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if not try_lock(fd):
            return False
        place = path[: -len(LOCK)]
        _forget(os.path.basename(place), _domid(place))
        _remove(place)
        return True
    finally:
        os.close(fd)


def _domid(place: str) -> int:
    """The number of its domain; 0 when none was made."""
    try:
        with open(f"{place}/{DOMID}") as file:
            text = file.read()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0


def _forget(uuid: str, domid: int) -> None:
    """End the domain, and remove its nodes of ours."""
    from podwright.stage1.xen import leaving

    leaving.forget(f"podwright-{uuid}", domid)
