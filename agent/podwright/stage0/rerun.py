# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ended pod becomes a prepared one again: what its apps wrote stays, the rest of its life is put away.

What belongs to one life (its records, its processes, its network) is moved to `lives/<n>` in the
pod's directory, where n counts from 1; that stays until the pod is removed. Killed at any moment,
the pod is still an ended one, and the next call goes on.
"""

from __future__ import annotations

import errno
import os

from podwright import jsonio
from podwright.errors import PodwrightError, UsageError
from podwright.host import clock, uidranges
from podwright.kernel import fs
from podwright.stage0 import collect, pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout

LIVES = "lives"
STAYS = frozenset(
    (
        "pod",
        "pod-created",
        "runtime-config",
        "appsinfo",
        "overlay",
        "sharedVolumes",
        "stage1",
        LIVES,
        uidranges.PREPARED,
        uidranges.COPIED,
    )
)
"""What a pod keeps: what it was prepared as, and what its apps have written."""
TOLD = ("rkt/status", "rkt/supervisor-status")
"""What its PID 1 has left in the pod's own root."""
ENDED = ("exited", "exited garbage")
REBOOTED = (
    "the host was started anew since the pod ended: what its apps wrote last outside their volumes"
    " may be lost if that was no orderly shutdown"
)


def prepare(layout: Layout, pod: pods.Pod) -> tuple[pods.LockedPod, tuple[str, ...]]:
    """The pod, locked and prepared, and what people should know about it.

    Raises UsageError for a pod that has not ended, LockedError, HostError for what is left of its
    life before and cannot be ended.
    """
    if pod.state not in ENDED:
        hint = {
            "running": f"stop it first: podwright stop {pod.shown}",
            "preparing": "wait until it is prepared",
            "aborted prepare": f"remove it: podwright rm {pod.shown}, and prepare another one",
        }.get(pod.state, "it is being removed: prepare another one")
        raise UsageError(
            f"pod {pod.shown} is {pod.state}, not prepared or ended", hint, object=pod.uuid
        )
    locked = pods.lock(layout, pod)
    try:
        warnings = _warnings(locked.path)
        warnings += collect.end_leftovers(layout, locked)
        _put_away(locked.path)
        _forget_overlays(locked.path)
        locked.move(pods.PREPARED)
    except BaseException:
        locked.close()
        raise
    return locked, warnings


def history(pod: pods.Pod) -> list[dict[str, Any]]:
    """The lives that the pod had before, oldest first; what nobody recorded is None."""
    out: list[dict[str, Any]] = []
    for number in _numbers(f"{pod.path}/{LIVES}"):
        here = f"{LIVES}/{number}"
        ended = pod.read_json(f"{here}/exited")
        ended = ended if isinstance(ended, dict) else {}
        out.append(
            {
                "started_at": pod.read(f"{here}/started-at").strip() or None,
                "finished_at": ended.get("finished"),
                "exit_status": ended.get("status"),
                "exit_reason": ended.get("reason"),
                "apps": ended.get("apps") if isinstance(ended.get("apps"), dict) else {},
            }
        )
    return out


def _numbers(directory: str) -> list[int]:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def _put_away(path: str) -> None:
    """Move what belongs to the life that has ended; an interrupted move is gone on with."""
    lives = f"{path}/{LIVES}"
    fs.ensure_dir(lives, 0o750)
    place = f"{lives}/new"
    fs.ensure_dir(place, 0o750)
    for name in sorted(os.listdir(path)):
        if name not in STAYS:
            fs.rename(f"{path}/{name}", f"{place}/{name}", durable=False)
    for name in TOLD:
        _move_told(path, name, place)
    number = max(_numbers(lives), default=0) + 1
    fs.rename(place, f"{lives}/{number}", durable=False)
    fs.fsync_dir(lives)


def _move_told(path: str, name: str, place: str) -> None:
    """What is in the pod's own root is moved as it is, whatever its PID 1 made of it."""
    from podwright.kernel import beneath

    root = os.open(f"{path}/stage1/rootfs", beneath.DIRECTORY)
    try:
        parent = beneath.open_strict(root, os.path.dirname(name), os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # it never got so far
    finally:
        os.close(root)
    last = os.path.basename(name)
    try:
        os.stat(last, dir_fd=parent, follow_symlinks=False)
        fs.rename(f"/proc/self/fd/{parent}/{last}", f"{place}/{last}", durable=False)
    except FileNotFoundError:
        pass
    finally:
        os.close(parent)


def _forget_overlays(path: str) -> None:
    """Take the mark from which overlayfs knows that a layer was written to without being synced.

    The kernel's documentation allows that where the layer is known to be as it was left: the host
    has not crashed since. See `_warnings` for when that is not known.
    """
    from podwright.kernel import beneath

    flags = os.O_RDONLY | os.O_DIRECTORY
    top = os.open(path, flags)
    try:
        overlays = beneath.open_strict(top, "overlay", flags)
        for app in sorted(os.listdir(overlays)):
            _forget_overlay(overlays, app)
        os.close(overlays)
    finally:
        os.close(top)


def _forget_overlay(overlays: int, app: str) -> None:
    from podwright.kernel import beneath

    try:  # a stage1 image may have left links there, which lead anywhere
        work = beneath.open_strict(overlays, f"{app}/work", os.O_RDONLY | os.O_DIRECTORY)
    except OSError as err:
        if err.errno == errno.ENOENT:
            return  # a copy
        raise
    try:
        for name in sorted(os.listdir(work)):
            fs.remove_tree(f"/proc/self/fd/{work}/{name}")
    finally:
        os.close(work)


def _warnings(path: str) -> tuple[str, ...]:
    try:
        with open(f"{path}/init", "rb") as file:
            raw = jsonio.loads(file.read(), f"{path}/init")
    except (OSError, PodwrightError):
        return ()
    booted = raw.get("boot_id") if isinstance(raw, dict) else None
    return (REBOOTED,) if booted and booted != clock.boot_id() else ()
