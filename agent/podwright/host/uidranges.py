# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of 65,536 user and group ids: one for each pod with a user namespace, never two of one.

A range is a slot (host/slots.py) below `<run>/users`, one pool for all data directories of the
host. It lies where systemd expects the ranges of containers, and systemd-nspawn's own lock on it
is taken too. Ranges that /etc/subuid or /etc/subgid give to somebody are left alone; an entry for
the user `podwright` makes us stay inside it.

A pod that was killed leaves its record behind. Its range is free when none of its processes is
left, and nothing on disk belongs to it.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.host import ownplace, slots
from podwright.kernel import fs
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

COUNT = 65536
LOWEST, HIGHEST = 524288, 1879048191
"""Container ids (systemd's uid-range documentation): not those of people, services, other uses."""
OWNER = "podwright"
PREPARED = "private-users-prepared"
"""In the pod directory: `first:count` (C1)."""
COPIED = "private-users-copied"
"""In the pod directory: its files have the range's owners on disk."""
NSPAWN = "systemd/nspawn-uid"

Interval = tuple[int, int]
"""First id, and the one after the last."""


class Range:
    """A range that is ours while the descriptors `fds` are open, here or in a child."""

    def __init__(self, slot: slots.Slot, nspawn: str = "", nspawn_fd: int = -1) -> None:
        self.slot = slot
        self.first = slot.number
        self.fds = frozenset((slot.fd, nspawn_fd)) - {-1}
        self._nspawn = nspawn
        self._nspawn_fd = nspawn_fd

    @property
    def nspawn(self) -> tuple[str, int]:
        """Path and descriptor of systemd-nspawn's lock, ("", -1) when there is none."""
        return self._nspawn, self._nspawn_fd

    def release(self, *, keep: bool = False) -> None:
        """Give the range back when the pod's last process has ended.

        keep  its record stays, since files on disk belong to the range
        """
        if self._nspawn_fd >= 0:
            if not keep:
                fs.unlink(self._nspawn)
            os.close(self._nspawn_fd)
            self._nspawn_fd = -1
        if keep:
            self.slot.close()
        else:
            self.slot.release()


def missing() -> str:
    """Why this host has no user namespaces, or ""."""
    try:
        fd = os.open("/proc/sys/user/max_user_namespaces", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return "the host's kernel has no user namespaces"
    try:
        if int(os.read(fd, 32)) > 0:
            return ""
        return "the host allows no user namespaces (user.max_user_namespaces is 0)"
    finally:
        os.close(fd)


def take(
    directory: str, pods: str, uuid: str, etc: str = "/etc", run: str = "/run", only: int = 0
) -> Range:
    """Take a range for the pod `uuid` below `pods` (`Layout.pods`). Raises HostError.

    only  the first id of the only range that will do: files on disk belong to it
    """
    ownplace.ensure(directory)
    own = f"{only} {uuid} {pods}"
    for first in [only] if only else _candidates(etc):
        slot = slots.take(
            directory,
            first,
            f"{first} {uuid} {pods}",
            lambda record: _is_alive(only) if record == own else kept(record),
        )
        if slot is None:
            ownplace.ensure(directory)  # a gc may just have found it empty
            continue
        try:
            path, fd = _nspawn_lock(run, first)
        except BlockingIOError:
            slot.release()
            continue
        except BaseException:
            slot.release()
            raise
        return Range(slot, path, fd)
    if only:
        raise HostError(
            f"pod {uuid}: its files belong to the users from {only} on, which another pod has now",
            "stop that pod first (podwright status shows a pod's private-users), or run a new one",
            object=uuid,
        )
    raise HostError(
        "no range of 65536 user ids is free on this host",
        f"see /etc/subuid and /etc/subgid: an entry for {OWNER} must hold a range that begins at a"
        f" multiple of {COUNT} from {LOWEST} on; or remove ended pods with podwright gc",
        object=directory,
    )


def _candidates(etc: str) -> Iterator[int]:
    """The ranges that are nobody's, in turn from a random one on.

    Random, so that files which an earlier pod has left somewhere hardly ever meet another one.
    """
    own, others = _subordinate(etc)
    others += [(number, number + 1) for number in _numbers(etc)]
    ranges = [
        range(-(-max(start, LOWEST) // COUNT), min(end, HIGHEST + 1) // COUNT)
        for start, end in own or [(LOWEST, HIGHEST + 1)]
    ]
    total = sum(len(part) for part in ranges)
    begin = int.from_bytes(os.urandom(8), "little") % total if total else 0
    for index in range(begin, begin + total):
        left = index % total
        for part in ranges:
            if left < len(part):
                first = part[left] * COUNT
                if not any(start < first + COUNT and first < end for start, end in others):
                    yield first
                break
            left -= len(part)


def _subordinate(etc: str) -> tuple[list[Interval], list[Interval]]:
    """What subuid and subgid give to us (in both), and what to others (in either)."""
    own: list[list[Interval]] = []
    others: list[Interval] = []
    for name in ("subuid", "subgid"):
        ours: list[Interval] = []
        for fields in _lines(f"{etc}/{name}"):
            if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
                start = int(fields[1])
                interval = (start, start + int(fields[2]))
                (ours if fields[0] == OWNER.encode() else others).append(interval)
        if ours:
            own.append(ours)
    return _common(own), others


def _common(lists: list[list[Interval]]) -> list[Interval]:
    if len(lists) < 2:
        return lists[0] if lists else []
    both = [(max(a, c), min(b, d)) for a, b in lists[0] for c, d in lists[1]]
    return [interval for interval in both if interval[0] < interval[1]] or [(0, 0)]


def _numbers(etc: str) -> list[int]:
    """Users and groups of the host that lie where ranges do."""
    found = [
        int(fields[2])
        for name in ("passwd", "group")
        for fields in _lines(f"{etc}/{name}")
        if len(fields) > 3 and fields[2].isdigit()
    ]
    return [number for number in found if number >= LOWEST]


def _lines(path: str) -> list[list[bytes]]:
    try:
        with open(path, "rb") as file:
            return [line.split(b":") for line in file.read().split(b"\n")]
    except FileNotFoundError:
        return []


def _nspawn_lock(run: str, first: int) -> tuple[str, int]:
    """systemd-nspawn's own lock on a range: ("", -1) on hosts without systemd.

    Raises BlockingIOError when a container of systemd-nspawn has the range.
    """
    directory = f"{run}/{NSPAWN}"
    if not os.path.isdir(directory):
        if not os.path.isdir(f"{run}/systemd/system"):
            return "", -1
        fs.ensure_dir(directory, 0o755)  # as it does itself, when it is first used
    from podwright.host.lock import lock_open_file

    path = f"{directory}/{first}"
    while True:
        step("open")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            lock_open_file(fd)
            if os.fstat(fd).st_nlink:
                return path, fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def kept(record: str) -> bool:
    """Whether the range of a pod that is held by nobody is in use nevertheless."""
    first, _, rest = record.partition(" ")
    uuid, _, pods = rest.partition(" ")
    if not first.isdigit():
        return False
    return _is_copied(pods, uuid) or _is_alive(int(first))


def _is_copied(pods: str, uuid: str) -> bool:
    """Whether a pod is still there, in whatever state, whose files belong to its range."""
    try:
        states = os.listdir(pods)
    except FileNotFoundError:
        return False
    return any(os.path.lexists(f"{pods}/{state}/{uuid}/{COPIED}") for state in states)


def _is_alive(first: int) -> bool:
    """Whether any process has users of the range: the kernel ends a killed pod in its own time."""
    return any(name.isdigit() and _uses(name, first) for name in os.listdir("/proc"))


def _uses(pid: str, first: int) -> bool:
    try:
        with open(f"/proc/{pid}/uid_map", "rb") as file:
            rows = [[int(word) for word in line.split()] for line in file]
    except OSError:
        return False  # it has just ended
    return any(0 < start < first + COUNT and first < start + count for _, start, count in rows)


def reclaim(directory: str) -> list[int]:
    """Free the ranges of pods that are gone; their first ids. gc calls it."""
    gone = slots.sweep(directory, kept)
    if fs.rmdir_empty(directory):
        fs.rmdir_empty(os.path.dirname(directory))
    return gone


def of(pod_dir: str) -> Optional[Interval]:
    """First id and number of ids of a pod that has users of its own."""
    try:
        with open(f"{pod_dir}/{PREPARED}") as file:
            first, _, count = file.read().strip().partition(":")
        return int(first), int(count)
    except (OSError, ValueError):
        return None
