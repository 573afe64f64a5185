# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired against observed: the actions that bring one pod there. Pure.

The same plan answers `--check` and is executed; so check mode cannot predict something else.
"""

from __future__ import annotations

from podwright.reconcile import canonical
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.podspec import PodSpec
    from podwright.reconcile.observe import Observed


@value
class PodPlan:
    """What to do for one pod.

    actions  in order, of: finish, fetch, prepare, secrets, configure, stop, start, enable, disable,
             listen, unlisten (on its sockets),
             remove; with start before stop, the new pod starts beside the old one
    runtime, settings   the canonical forms that are wanted
    before, after       for people and for diff mode; equal when actions is empty
    """

    name: str
    actions: tuple[str, ...]
    runtime: dict[str, Any]
    settings: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def starts_first(self) -> bool:
        """Whether the new pod starts before the old one stops."""
        found = [action for action in self.actions if action in ("start", "stop")]
        return found == ["start", "stop"]

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.actions)


def plan_pod(
    spec: PodSpec,
    seen: Observed,
    image_ids: list[Optional[str]],
    fetches: bool,
    unit: str,
    lacking: bool = False,
    *,
    starts_first: bool = False,
    unfinished: bool = False,
) -> PodPlan:
    """Compile the plan.

    image_ids  per app; None where only a fetch could tell (check mode)
    fetches    whether images have to be (or were just) fetched
    unit       the unit file's text as it should be, "" without systemd
    lacking    whether contents of secrets are not yet in the host's memory
    starts_first   a pod that replaces the one that runs starts before that one stops
    unfinished     an earlier replacement was killed on the way
    """
    if spec.state == "absent":
        return _plan_absent(spec, seen)
    ids = [image_id or canonical.UNRESOLVED for image_id in image_ids]
    runtime, settings = canonical.runtime(spec, ids), canonical.settings(spec)
    old = seen.revision
    new_runtime = old is None or old.runtime != runtime
    new_settings = old is None or old.settings != settings or (unit != seen.unit)
    actions = ["finish"] if unfinished else []
    actions += ["fetch"] if fetches else []
    running = seen.state == "running"
    start = stop = False
    if spec.state == "stopped":
        stop = seen.active
    elif spec.state == "prepared":
        stop = False
    elif spec.state == "restarted":
        start, stop = True, seen.active
    else:
        # A pod that waits for its start belongs to a newer revision than the one that runs: an
        # earlier apply only prepared it, or was killed before it came to the start.
        start = not running or new_runtime or seen.prepared
        stop = start and seen.active
    prepare = new_runtime or (spec.state == "prepared" and not (running or seen.prepared))
    actions += ["prepare"] if prepare else []
    actions += ["secrets"] if lacking else []
    actions += ["configure"] if new_settings and not new_runtime else []
    if starts_first and new_runtime and running and start:
        actions += ["start", "stop"]
    else:
        actions += ["stop"] if stop else []
        actions += ["start"] if start else []
    if spec.enabled != seen.enabled and unit:
        actions.append("enable" if spec.enabled else "disable")
    listens = bool(spec.sockets) and spec.state != "stopped"
    if unit and listens != seen.listening:
        actions.append("listen" if listens else "unlisten")
    return PodPlan(
        spec.name,
        tuple(actions),
        runtime,
        settings,
        _view(seen.state, seen.enabled, old.runtime, old.settings)
        if old
        else {"state": seen.state},
        _view(
            _state_after(spec, seen, prepare),
            spec.enabled if unit else seen.enabled or bool(start),
            runtime,
            settings,
        ),
    )


def _plan_absent(spec: PodSpec, seen: Observed) -> PodPlan:
    known = seen.revision is not None or seen.damaged or bool(seen.uuid) or bool(seen.unit)
    actions = (("stop",) if seen.active else ()) + (("remove",) if known else ())
    old = seen.revision
    before = (
        _view(seen.state, seen.enabled, old.runtime, old.settings) if old else {"state": seen.state}
    )
    return PodPlan(spec.name, actions, {}, {}, before, {"state": "absent"})


def _state_after(spec: PodSpec, seen: Observed, prepares: bool) -> str:
    if spec.state in ("started", "restarted"):
        return "running"
    if spec.state == "stopped":
        return "stopped" if seen.active or seen.revision is None else seen.state
    return "prepared" if prepares and seen.state != "running" else seen.state


def _view(
    state: str, enabled: bool, runtime: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    return {"state": state, "enabled": enabled, **runtime, **settings}
