# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps that come and go in a pod that a stage1 image runs: what `change.py` does, by its entry points app/*."""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.host import clock
from podwright.kernel import fs
from podwright.model.pod import dump_pod
from podwright.stage1.contract import AppRecord
from podwright.stage1.external import contract, points, roots
from podwright.stage1.external.contract import Wish
from podwright.stage1.namespaces import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.pod import PodManifest
    from podwright.stage0.pods import Pod
    from podwright.stage1.contract import Launch


def add(
    pod: Pod,
    launch: Launch,
    manifest: PodManifest,
    merged: PodManifest,
    users: Optional[tuple[int, int]],
) -> None:
    """Make the root of an app, name it in the pod's manifest, and have it added; else all is as it was.

    launch  the app as a pod of its own
    """
    (app,) = launch.manifest.apps
    said = f"{users[0]}:{users[1]}" if users is not None else ""
    lifted = launch.insecure & frozenset(contract.RESTRICTIONS)
    wish = Wish(pod.uuid, insecure=lifted, private_users=said)
    try:
        _put(pod, merged)
        shift = users[0] if users is not None else 0
        points.change(pod.path, contract.APP_ADD, app.name, wish, lambda: roots.add(launch, shift))
    except BaseException:
        _put(pod, manifest)
        raise


def begin(pod: Pod, app: str) -> None:
    """Start it."""
    points.change(pod.path, contract.APP_START, app, Wish(pod.uuid))
    _told(pod, app, AppRecord(app, started=time.time()))


def end(pod: Pod, app: str) -> None:
    """Stop it."""
    points.change(pod.path, contract.APP_STOP, app, Wish(pod.uuid))
    _told(pod, app, AppRecord(app, reason="stopped-by-pod", finished=time.time(), over=True))


def remove(pod: Pod, app: str) -> None:
    """Have it removed, and take away its root."""
    points.change(pod.path, contract.APP_RM, app, Wish(pod.uuid))
    points.within(pod.path, lambda: roots.remove(pod.path, app))
    _told(pod, app, None)


def take_away(pod: Pod, app: str) -> None:
    """What a killed `add` has left."""
    points.within(pod.path, lambda: roots.remove(pod.path, app))


def _put(pod: Pod, manifest: PodManifest) -> None:
    data = jsonio.dumps(dump_pod(manifest)).encode()
    fs.write_atomic(f"{pod.path}/pod", data, 0o640)


def _told(pod: Pod, app: str, now: Optional[AppRecord]) -> None:
    """Write down how it fares, for `app list` and `status`."""
    known = pod.read_json("apps") if os.path.exists(f"{pod.path}/apps") else None
    before = known if isinstance(known, dict) else {}
    before.pop(app, None) if now is None else None
    if now is not None:
        found = record.apps_json((now,))[app]
        old = before.get(app)
        if isinstance(old, dict) and found["started"] is None:
            found["started"] = old.get("started") or clock.now()
        before[app] = found
    fs.write_atomic(f"{pod.path}/apps", jsonio.dumps(before).encode(), 0o644, durable=False)
