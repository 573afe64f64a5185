# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered things of which each pod of the host has its own: MCS pairs, ranges of user ids.

A slot is a file named by its number. It is taken while a process holds the file locked
(flock: the lock ends with the last process that has the descriptor, however it ends), or while
the record in the file names something that is still there. There is no lock over all slots, so
that nobody waits: who finds a slot taken tries the next candidate.

A slot's file is removed only by who holds it locked, and a file that has no name any more is
never taken; so no two processes can hold one number at a time.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.host import ownplace
from podwright.host.lock import claim, try_lock
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Optional

    Kept = Callable[[str], bool]
    """Whether what a record names is still there, though no process holds the slot."""

LONGEST = 4096
"""Bytes of a record."""


@value
class Seen:
    """A slot as it was at one moment: its number, its record, whether a process holds it."""

    number: int
    record: str
    held: bool


class Slot:
    """A slot that is ours while `fd` is open in this process or in one that it forked."""

    def __init__(self, path: str, number: int, fd: int) -> None:
        self.path = path
        self.number = number
        self.fd = fd

    def as_tuple(self) -> tuple[str, int, int]:
        """What a slot can be made from again in this same process."""
        return self.path, self.number, self.fd

    def keep(self, record: str) -> None:
        """Write another record: what the slot belongs to from now on."""
        _write(self.fd, record)

    def close(self) -> None:
        """Close our descriptor; the slot stays taken by others that have it, or by its record."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def release(self) -> None:
        """Give the number back; only when no other process goes on using it."""
        if self.fd >= 0:
            fs.unlink(self.path)
            self.close()


def allocate(
    directory: str,
    candidates: Iterable[int],
    record: str,
    *,
    kept: Optional[Kept] = None,
    what: str = "number",
) -> Slot:
    """Take the first candidate that is free; the directory is made when it is missing.

    record  one line that says whom the slot is for (a pod's UUID)
    kept    also leaves alone what nobody holds but whose record it answers True for
    what    what is handed out, for messages
    Raises HostError when every candidate is taken, and for a directory that others can write to.
    """
    ownplace.ensure(directory)
    tried = 0
    for number in candidates:
        slot = take(directory, number, record, kept)
        if slot is not None:
            return slot
        tried += 1
    raise HostError(
        f"no {what} is free on this host: all {tried} that were tried are taken",
        "stop pods that are not needed, and remove ended ones with podwright gc",
        object=directory,
    )


def take(directory: str, number: int, record: str, kept: Optional[Kept] = None) -> Optional[Slot]:
    """Take one slot, or None when it is taken."""
    path = f"{directory}/{number}"
    fd = claim(path, create=True)
    if fd is None:
        return None
    try:
        before = _read(fd)
        if kept is not None and before and kept(before):
            os.close(fd)
            return None
        _write(fd, record)
    except BaseException:
        os.close(fd)
        raise
    return Slot(path, number, fd)


def _read(fd: int) -> str:
    """The first line: who is killed between two calls of `_write` may leave the end of an older one."""
    return os.pread(fd, LONGEST, 0).decode("utf-8", "backslashreplace").partition("\n")[0]


def _write(fd: int, record: str) -> None:
    step("write")
    data = record.encode() + b"\n"
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def each(directory: str) -> list[Seen]:
    """All slots that have a file, by number. Only looks; a slot may change meanwhile."""
    out = []
    for number in _numbers(directory):
        try:
            fd = os.open(f"{directory}/{number}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            out.append(Seen(number, _read(fd), not try_lock(fd, shared=True)))
        finally:
            os.close(fd)
    return out


def _numbers(directory: str) -> list[int]:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def sweep(directory: str, kept: Optional[Kept] = None) -> list[int]:
    """Remove the files of slots that nobody holds and no record keeps; their numbers."""
    gone: list[int] = []
    if not ownplace.check(directory):
        return gone
    for number in _numbers(directory):
        path = f"{directory}/{number}"
        fd = claim(path)
        if fd is None:
            continue
        try:
            record = _read(fd)
            if kept is None or not record or not kept(record):
                fs.unlink(path)
                gone.append(number)
        finally:
            os.close(fd)
    return gone
