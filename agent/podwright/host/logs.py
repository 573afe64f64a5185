# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the logs of named pods are found, also those of their earlier instances.

`<data>/logs/<name>/<uuid>/` has a `log` (see `stage1/namespaces/sinks.py`) and, without systemd, the
apps' files. It outlives the pod's own directory, of which each start of the pod makes a new one.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.kernel import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout

KEPT = 4
"""Instances of a pod whose logs are kept, with the one that runs; others while their pod is there."""
RECORD = "log"
FORMAT = 1


def directory(layout: Layout, name: str, uuid: str) -> str:
    """Of one instance."""
    return f"{layout.logs}/{name}/{uuid}"


def begin(layout: Layout, name: str, uuid: str, is_there: Callable[[str], bool]) -> str:
    """The directory of an instance that is about to start; those of old ones are removed.

    is_there  whether the pod of an instance has not been removed: then its log stays, too
    """
    path = directory(layout, name, uuid)
    if not os.path.isdir(path):
        fs.ensure_dir(layout.logs)
        fs.ensure_dir(f"{layout.logs}/{name}", 0o750)
        for old in instances(layout, name)[KEPT - 1 :]:
            if not is_there(old):
                fs.remove_tree(directory(layout, name, old))
        fs.mkdir(path, 0o750)
    return path


def instances(layout: Layout, name: str) -> list[str]:
    """The UUIDs of a pod's instances that have logs, the latest first."""
    try:
        uuids = os.listdir(f"{layout.logs}/{name}")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(uuids, key=lambda uuid: _started(layout, name, uuid), reverse=True)


def _started(layout: Layout, name: str, uuid: str) -> str:
    """When an instance began; what never did is older than all that did."""
    found = record(layout, name, uuid)
    return str(found["started"]) if found is not None else ""


def record(layout: Layout, name: str, uuid: str) -> Optional[dict[str, Any]]:
    """What finds the log of an instance, or None."""
    return read(f"{directory(layout, name, uuid)}/{RECORD}")


def read(path: str) -> Optional[dict[str, Any]]:
    """A record, or None when there is none that we understand."""
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path)
    except (FileNotFoundError, NotADirectoryError, PodwrightError):
        return None
    return raw if isinstance(raw, dict) and raw.get("format") == FORMAT else None


def forget(layout: Layout, name: str) -> None:
    """The pod is not known any more."""
    path = f"{layout.logs}/{name}"
    if os.path.isdir(path):
        fs.remove_tree(path)
