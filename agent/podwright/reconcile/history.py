# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a named pod was, and to which of that it can go back."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.reconcile import revisions
from podwright.stage0 import pods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.reconcile.revisions import Revision

GONE = "gone"
"""Instead of a state, of a pod that was removed."""


def of(layout: Layout, name: str) -> list[dict[str, Any]]:
    """The revisions that are kept, oldest first, as JSON."""
    now = revisions.current(layout, name)
    number = now.number if now is not None else 0
    found = [_shown(one, one.number == number) for one in revisions.every(layout, name)]
    for one in found:
        if one["current"] and one["outcome"] in ("", revisions.READY):
            one["uuid"] = _instance(layout, name, one["uuid"])
        pod = pods.get(layout, one["uuid"]) if one["uuid"] else None
        one["pod_state"] = pod.state if pod is not None else GONE
    return found


def _instance(layout: Layout, name: str, prepared: str) -> str:
    """The pod that is the current revision now: each start after the first one makes another."""
    first = pods.get(layout, prepared) if prepared else None
    if first is not None and first.directory == pods.PREPARED:
        return prepared  # it is still to be started; the name means what ran before it
    return pods.instance(layout, name) or prepared


def _shown(one: Revision, current: bool) -> dict[str, Any]:
    apps = one.runtime.get("apps", ())
    names = list(one.images) or [app.get("name") or str(at) for at, app in enumerate(apps)]
    versions = one.versions or {}
    return {
        "revision": one.number,
        "created_at": one.created,
        "current": current,
        "outcome": one.result.outcome,
        "outcome_at": one.result.time or None,
        "why": one.result.why,
        "by": one.by,
        "source": one.source,
        "uuid": one.result.instance or one.uuid,
        "stage1": str(one.runtime.get("stage1", "")),
        "stage1_image": str(one.runtime.get("stage1_image") or ""),
        "images": [
            {
                "app": name,
                "image": one.images.get(name, ""),
                "version": versions.get(name, ""),
                "id": str(app.get("image_id", "")),
            }
            for name, app in zip(names, apps)
        ],
    }


def previous(layout: Layout, name: str) -> int:
    """The number of the last revision that worked and was something else. Raises UsageError."""
    now = revisions.current(layout, name)
    for one in reversed(revisions.every(layout, name)):
        if (
            now is not None
            and one.number < now.number
            and one.result.outcome == revisions.READY
            and one.runtime != now.runtime
        ):
            return one.number
    raise UsageError(
        f"pod {name} has no earlier revision to go back to",
        f"podwright history {name} shows those that are kept",
        object=name,
    )


def chosen(layout: Layout, name: str, number: int) -> Revision:
    """A revision that is kept. Raises UsageError."""
    found = revisions.read(layout, name, number)
    if found is None:
        kept = ", ".join(map(str, revisions.numbers(layout, name))) or "none"
        raise UsageError(
            f"pod {name}: revision {number} is not kept", f"there are: {kept}", object=name
        )
    return found
