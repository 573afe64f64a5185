# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named pods that have no instance now: stopped, and what they were is collected already."""

from __future__ import annotations

import os

from podwright.model.names import is_pod_name
from podwright.stage0 import pods
from podwright.stage0 import report as reports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout

STATE = "stopped"


def is_absent(layout: Layout, name: str) -> bool:
    """Whether a name is known here, and no pod has it now."""
    if not is_pod_name(name) or not os.path.lexists(f"{layout.named}/{name}/current"):
        return False
    uuid = pods.instance(layout, name)
    return not uuid or pods.get(layout, uuid) is None


def report(layout: Layout, name: str) -> dict[str, Any]:
    """Such a pod as others are shown, without what only an instance has."""
    from podwright.reconcile import history

    gone = pods.Pod("", pods.RUN, False, f"{layout.named}/{name}/instance/none")
    out = reports.report(gone)
    out.pop("error", None)
    revisions = history.of(layout, name)
    apps = [one["app"] for of in revisions if of["current"] for one in of["images"]]
    told = {"pod_name": name, "state": STATE, "app_names": apps, "history": revisions}
    return {**out, "created_at": None, "exit_reason": None, **told}


def rows(layout: Layout, known: set[str]) -> list[tuple[str, ...]]:
    """(name, app, image) of each such pod that `known` has not."""
    from podwright.errors import PodwrightError
    from podwright.reconcile import history, revisions

    out: list[tuple[str, ...]] = []
    try:
        names = revisions.names(layout)
    except PermissionError:
        return []  # a user who may see pods, and no more
    for name in names:
        if name in known:
            continue
        try:
            if not is_absent(layout, name):
                continue
            found = [one for one in history.of(layout, name) if one["current"]]
        except PodwrightError:
            found = []
        images = found[0]["images"] if found else []
        for at, one in enumerate(images or [{"app": "-", "image": "-"}]):
            out.append((name if at == 0 else "", one["app"], one["image"] or "-"))
    return out
