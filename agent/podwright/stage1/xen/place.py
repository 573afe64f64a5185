# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of a pod's domain on the host: files below /run/podwright/xen, and what they stand for.

<uuid>.lock is held by who holds the domain (`holder`), and by xl as long as that makes it; <uuid>/ has its block
devices and the number of the domain. Whoever gets the lock takes back what is left: the pod's parent at its end, and
`gc` and the next starts for those that were killed together with all that belonged to them. What cannot be ended
keeps its lock file and its place, so that the next one finds it.
"""

from __future__ import annotations

import os
import time

from podwright.errors import HostError, PodwrightError
from podwright.host import ownplace
from podwright.host.lock import claim, hold
from podwright.kernel import fs
from podwright.model.names import is_uuid
from podwright.text import safe

RUN = "/run/podwright"
LOCK = ".lock"
DOMID, MAKING = "domid", "making"
PREFIX = "podwright-"
"""Of a domain's name; its UUID follows."""
AT_WORK = 600.0
"""Seconds in which a daemon that was asked for a domain makes it, though who asked is dead."""
PATIENCE = 120.0
"""Seconds for a holder that was let go to have ended the domain."""
MOMENT, LONGEST = 0.05, 1.0
"""Seconds between two looks: twice as long each time."""


def directory(run: str = RUN) -> str:
    """Where the places of all pods are."""
    return f"{run}/xen"


class Place:
    """That of one pod, held by this process."""

    def __init__(self, uuid: str, run: str = RUN) -> None:
        ownplace.ensure(directory(run))
        self.path = f"{directory(run)}/{uuid}"
        self.lock = hold(f"{self.path}{LOCK}", "run a domain", PATIENCE)
        fs.ensure_dir(self.path, 0o700)
        self.configuration = f"{self.path}/xl.cfg"

    def disk(self, number: int, device: int) -> str:
        """A node for a block device of the host, which has the name of nobody else."""
        path = f"{self.path}/disk{number}"
        fs.unlink(path)
        fs.make_block_device(path, os.major(device), os.minor(device), 0o600, 0, 0)
        return path

    def begin(self) -> None:
        """A daemon is going to be asked for the domain, and does not know that we hold a lock."""
        fs.write_atomic(f"{self.path}/{MAKING}", b"", 0o600, durable=False)

    def settle(self) -> None:
        """Whether there is a domain is known."""
        fs.unlink(f"{self.path}/{MAKING}")

    def record(self, domid: int) -> None:
        """Write down the domain's number: what is left of it in Xenstore is found by that."""
        fs.write_atomic(f"{self.path}/{DOMID}", str(domid).encode(), 0o600, durable=False)

    def remove(self) -> None:
        """All is over; not while a daemon may be making the domain still."""
        if not os.path.lexists(f"{self.path}/{MAKING}"):
            _remove(self.path)


def _remove(path: str) -> None:
    if os.path.isdir(path):
        fs.remove_tree(path)
    fs.unlink(f"{path}{LOCK}")


def end(uuid: str, run: str = RUN) -> str:
    """Wait until nobody holds the domain of a pod any more, and take back what is left of it.

    Returns "", or a sentence where the domain has not ended: it goes on then.
    """
    path = f"{directory(run)}/{uuid}{LOCK}"
    until = time.monotonic() + PATIENCE
    pause = MOMENT
    try:
        while os.path.exists(path) and not _reclaim(path):
            if time.monotonic() > until:
                return (
                    f"domain {PREFIX}{uuid} has not ended within {PATIENCE:.0f} s; xl list shows it,"
                    " and podwright gc tries again"
                )
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)
    except (PodwrightError, OSError) as err:
        return _sentence(uuid, err)
    return ""


def sweep(run: str, problems: list[str]) -> list[str]:
    """Take back what nobody holds; the UUIDs. `problems` gets a sentence for what cannot be."""
    try:
        names = os.listdir(directory(run)) if ownplace.check(directory(run)) else []
    except FileNotFoundError:
        return []
    gone = []
    for name in sorted(names):
        uuid = name[: -len(LOCK)]
        if not name.endswith(LOCK) or not is_uuid(uuid):
            continue
        try:
            if _reclaim(f"{directory(run)}/{name}"):
                gone.append(uuid)
        except (PodwrightError, OSError) as err:
            problems.append(_sentence(uuid, err))
    return gone


def strays(run: str) -> list[str]:
    """Sentences about domains of pods which nothing on this host says anything of any more."""
    from podwright.stage1.xen import xl

    if not xl.is_there():
        return []
    try:
        names = xl.named(PREFIX)
    except HostError as err:
        return [err.sentence()]
    found = [
        name
        for name in names
        if not os.path.lexists(f"{directory(run)}/{name[len(PREFIX) :]}{LOCK}") and _lives(name)
    ]
    return [f"domain {name} is no pod's any more; end it with xl destroy {name}" for name in found]


def _lives(name: str) -> bool:
    """Whether it was not just about to end: its lock file goes after it."""
    from podwright.stage1.xen import xl

    try:
        return bool(xl.state(name))
    except HostError:
        return False


def _sentence(uuid: str, err: Exception) -> str:
    if isinstance(err, PodwrightError):
        return err.sentence()
    return f"domain {PREFIX}{uuid} cannot be cleared away: {safe(err)}"


def _reclaim(path: str) -> bool:
    """Take back what belongs to a lock that nobody holds; False where somebody does.

    Raises HostError where the domain goes on, and leaves everything as it is.
    """
    fd = claim(path)
    if fd is None:
        return False
    try:
        place = path[: -len(LOCK)]
        uuid = os.path.basename(place)
        if _is_coming(place) and not _is_there(uuid):
            return False
        _forget(uuid, _domid(place))
        _remove(place)
        return True
    finally:
        os.close(fd)


def _is_coming(place: str) -> bool:
    """Whether a daemon may be making the domain still."""
    try:
        since = time.time() - os.lstat(f"{place}/{MAKING}").st_mtime
    except FileNotFoundError:
        return False
    return 0 <= since < AT_WORK


def _domid(place: str) -> int:
    """The number of its domain; 0 when none was made."""
    from podwright.stage1.xen import xl

    try:
        with open(f"{place}/{DOMID}", encoding="ascii", errors="replace") as file:
            text = file.read(20)
    except FileNotFoundError:
        return 0
    return int(text) if xl.is_number(text) else 0


def _is_there(uuid: str) -> bool:
    from podwright.stage1.xen import leaving

    return leaving.is_there(f"{PREFIX}{uuid}")


def _forget(uuid: str, domid: int) -> None:
    """End the domain, and remove its nodes of ours. Raises HostError."""
    from podwright.stage1.xen import leaving

    leaving.forget(f"{PREFIX}{uuid}", domid)
