# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of pods: on request (`rm`) and by age (`gc`), as behaviour.md B10 tells.

Ended and aborted pods are first marked by moving them to a garbage directory, and deleted when
the mark is older than the grace period. Deleting is a second step under the pod's lock; a
pod directory with something still mounted in it is left and named.
"""

from __future__ import annotations

import errno
import os
import time

from podwright.errors import HostError, LockedError, NotFoundError, PodwrightError, UsageError
from podwright.host import machined
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0 import pods
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout

PLUGINS = "net-plugins.json"
"""What executables have made for a pod's network (`net/cni/records.py`)."""
BUSY = (LockedError, NotFoundError)
"""What a pod answers that somebody else, such as another gc, has taken on meanwhile."""
FUTURE = 60.0
"""Seconds that two clocks may be apart."""
REMOVABLE = ("exited", "prepared", "aborted prepare", "exited garbage", "garbage", "embryo")


@value
class Collected:
    """What a gc did: UUIDs marked and removed, and one sentence per pod that it could not."""

    marked: tuple[str, ...]
    removed: tuple[str, ...]
    problems: tuple[str, ...]


def remove(layout: Layout, pod: pods.Pod) -> tuple[str, ...]:
    """Delete a pod that does not run; sentences about what could not be taken back."""
    if pod.state not in REMOVABLE:
        hint = {
            "running": f"stop it first: podwright stop {pod.shown}",
            "preparing": "wait until it is prepared",
        }.get(pod.state, "wait until it is gone")
        raise UsageError(f"pod {pod.shown} is {pod.state}", hint, object=pod.uuid)
    locked = pods.lock(layout, pod)
    try:
        return _delete(layout, locked)
    finally:
        locked.close()


def _delete(layout: Layout, locked: pods.LockedPod) -> tuple[str, ...]:
    """Move to garbage and remove the files of a pod we hold the lock of."""
    if locked.directory not in (pods.EXITED_GARBAGE, pods.GARBAGE):
        try:
            locked.move(pods.EXITED_GARBAGE if locked.directory == pods.RUN else pods.GARBAGE)
        except OSError as err:
            raise _in_the_way(locked.uuid, err) from None
    _end_rest(locked.path)
    problems = _ask_stage1(layout, locked.path)
    try:
        if os.path.lexists(f"{layout.run}/tpm/open/{locked.uuid}"):
            problems += _measure_ends(layout)  # while what is known of its end is still there
        if os.path.lexists("/var/log/journal"):
            from podwright.host import machinejournal

            machinejournal.forget(layout.run, locked.uuid)
        fs.remove_tree(locked.path)
    except OSError as err:
        raise _in_the_way(locked.uuid, err) from None
    return problems


def _ask_stage1(layout: Layout, path: str) -> tuple[str, ...]:
    """Have a stage1 image that ran the pod take back what it has made; what stood in the way."""
    records = (f"{path}/stage1/programs", f"{path}/stage1/manifest")  # one may have been lost
    if not any(map(os.path.lexists, records)) or _is_copy(path):
        return ()
    from podwright.stage0 import stage1gc

    return stage1gc.collect(layout, path)


def _end_rest(path: str) -> None:
    """End what is left of a pod's processes, and take back what plugins have made for it."""
    _remove_cgroups(path)
    machined.forget_dead(os.path.basename(path))
    if os.path.lexists(f"{path}/{PLUGINS}") and not _is_copy(path):
        from podwright.net.cni import records

        records.undo(path)  # else nobody would know any more what its plugins have made


def end_leftovers(layout: Layout, locked: pods.LockedPod) -> tuple[str, ...]:
    """Take back all that an ended pod, which we hold the lock of, may still have of the host.

    Returns sentences about what could not be taken back.
    """
    _end_rest(locked.path)
    problems = _ask_stage1(layout, locked.path)
    if os.path.lexists(f"{layout.net}/pods/{locked.uuid}"):
        from podwright.net import gc

        gc.release(layout.net, locked.uuid, run_dir=os.path.dirname(locked.path))
    if os.path.lexists(f"{layout.metadata}/pods/{locked.uuid}"):
        from podwright.metadata.records import reclaim

        reclaim(layout.metadata, layout.net)
    return problems


def _in_the_way(uuid: str, err: OSError) -> HostError:
    """What keeps a pod from being removed, and what to do about it."""
    hints = {
        errno.EPERM: "it may be immutable (lsattr shows it)",
        errno.EXDEV: "unmount it",
        errno.EBUSY: "unmount it, or end what uses it",
        errno.EROFS: "make the file system writable",
    }
    hint = hints.get(err.errno or 0, "end whatever uses it")
    return HostError(
        f"pod {uuid} could not be removed: {safe(err.strerror)}: {safe(err.filename)}",
        f"{hint}; the next gc tries again",
        object=uuid,
    )


def _damaged(uuid: str, err: Exception) -> HostError:
    """A record of a pod is not what we have written; the other pods are no worse for it."""
    return HostError(
        f"pod {uuid} could not be removed: a record of it is damaged"
        f" ({type(err).__name__}: {safe(err, 200)})",
        "podwright --debug rm shows which; please report it",
        object=uuid,
    )


def _measure_ends(layout: Layout) -> tuple[str, ...]:
    """Measure the ends of pods whose parents could not; what stood in the way."""
    from podwright.tpm import pods as measured

    return measured.settle(layout)


def _is_copy(path: str) -> bool:
    from podwright.stage1.namespaces import record

    return record.is_copy(path)


def _remove_cgroups(path: str) -> None:
    """End what is left of a pod whose parent was killed before it could, and its control groups.

    As long as something of it lives, so does its record, by which the next gc finds that.
    """
    from podwright.host import cgroups, freezer, leftovers
    from podwright.stage1.namespaces import record

    init = record.read_ended(path)
    if init is None or record.is_copy(path):
        return
    uuid = os.path.basename(path)
    own = frozenset(pid for one in init.cgroups for pid in freezer.members(one))
    freezer.release(uuid, sorted(own), own)
    left = leftovers.end(init.cgroups)
    if left:
        raise HostError(
            f"pod {uuid}: process {min(left)} does not end",
            "find out what it waits for; the next gc tries again",
            object=uuid,
        )
    cgroups.remove(list(init.cgroups))


def collect(layout: Layout, grace: float, expire: float, mark_only: bool) -> Collected:
    """Mark what has ended, delete what was marked more than `grace` seconds ago, expire
    prepared pods older than `expire` seconds, and free what dead pods left in the host.
    """
    marked: list[str] = []
    removed: list[str] = []
    problems: list[str] = []
    keep = referenced(layout, problems)
    for pod in list(pods.each(layout)):
        try:
            if _mark(layout, pod, expire, keep):
                marked.append(pod.uuid)
        except BUSY:
            continue
        except PodwrightError as err:
            problems.append(err.sentence())
        except OSError as err:
            problems.append(_in_the_way(pod.uuid, err).sentence())
        except (AttributeError, LookupError, TypeError, ValueError) as err:
            problems.append(_damaged(pod.uuid, err).sentence())
    if mark_only:
        return Collected(tuple(marked), (), tuple(problems))
    _free_host(layout, problems)
    for pod in list(pods.each(layout, (pods.EXITED_GARBAGE, pods.GARBAGE))):
        try:
            if not pod.locked and age(pod.path) >= grace:
                problems += remove(layout, pod)
                removed.append(pod.uuid)
        except BUSY:
            continue
        except PodwrightError as err:
            problems.append(err.sentence())
        except OSError as err:
            problems.append(_in_the_way(pod.uuid, err).sentence())
        except (AttributeError, LookupError, TypeError, ValueError) as err:
            problems.append(_damaged(pod.uuid, err).sentence())
    return Collected(tuple(marked), tuple(removed), tuple(problems))


def referenced(layout: Layout, problems: list[str]) -> set[str]:
    """Prepared pods that a named pod's current revision is going to start."""
    from podwright.reconcile import revisions

    found = set()
    for name in revisions.names(layout):
        try:
            revision = revisions.current(layout, name)
        except PodwrightError as err:
            problems.append(err.sentence())
            continue
        if revision is not None:
            found.add(revision.uuid)
    return found


def _mark(layout: Layout, pod: pods.Pod, expire: float, keep: set[str]) -> bool:
    """Move an ended, aborted or expired pod to its garbage directory; whether it was moved."""
    if pod.directory == pods.RUN and pod.locked:
        _end_orphan(pod.path)  # then the next gc finds it ended
    if not to_mark(pod, expire, keep):
        return False
    try:
        locked = pods.lock(layout, pod, timeout=0.2)
    except LockedError:
        return False
    try:
        locked.move(pods.EXITED_GARBAGE if pod.directory == pods.RUN else pods.GARBAGE)
        step("utime")
        os.utime(locked.path)
        machined.forget_dead(pod.uuid)
    finally:
        locked.close()
    return True


def to_mark(pod: pods.Pod, expire: float, keep: set[str], *, look: bool = False) -> bool:
    """Whether a pod has ended, was aborted, or has expired. look: change nothing"""
    if pod.locked or pod.directory in (pods.EXITED_GARBAGE, pods.GARBAGE):
        return False
    if pod.directory == pods.PREPARED:
        return pod.uuid not in keep and age(pod.path, look=look) >= expire
    return (
        pod.directory != pods.EMBRYO or age(pod.path, look=look) >= 60
    )  # else its maker is about to lock it


def _end_orphan(path: str) -> None:
    if os.path.lexists(f"{path}/stage1/programs"):
        from podwright.stage1.external import points

        points.end_orphan(path)
        return
    from podwright.stage1.namespaces.stop import end_orphan

    end_orphan(path)


def _free_host(layout: Layout, problems: list[str]) -> None:
    """Release addresses, links and rules of pods that are gone, and temporary files."""
    if any(os.path.lexists(f"{pod.path}/{PLUGINS}") for pod in pods.each(layout)):
        from podwright.net.cni import records

        problems += records.reclaim(layout.pods, layout.net)[1]
    if os.path.lexists(layout.run):
        from podwright.net import gc

        gc.reclaim(layout.net, os.path.realpath(f"{layout.pods}/{pods.RUN}"))
        from podwright.host import uidranges

        uidranges.reclaim(layout.users)
        if os.path.lexists(f"{layout.run}/tpm/open"):
            problems += _measure_ends(layout)
        if os.path.lexists(f"{layout.run}/mcs"):
            from podwright.host import mcs

            mcs.reclaim(layout.run)
        if os.path.lexists(layout.metadata):
            from podwright.metadata.records import reclaim

            reclaim(layout.metadata, layout.net)
        if os.path.lexists(f"{layout.run}/kvm"):
            from podwright.stage1.kvm import libvirtplace

            libvirtplace.sweep(layout.run, problems)
        if os.path.lexists(f"{layout.run}/xen"):
            from podwright.stage1.xen import place

            place.sweep(layout.run, problems)
            problems += place.strays(layout.run)
    from podwright.stage0 import sweep

    sweep.sweep_tmp(layout)


def age(path: str, *, look: bool = False) -> float:
    """Seconds since the directory was last changed by us (its mark or creation).

    One from the future, since the clock was set back, is taken as of now; else it stayed for ever.
    look: change nothing
    """
    try:
        found = time.time() - os.lstat(path).st_mtime
        if found < -FUTURE and not look:
            step("utime")
            os.utime(path, follow_symlinks=False)
        return max(found, 0.0)
    except FileNotFoundError:
        return 0.0
