# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have an app of a pod of `app sandbox` be there, run, or be gone: what differs is changed, once."""

from __future__ import annotations

from contextlib import suppress

from podwright.errors import NotFoundError, PodwrightError, UsageError
from podwright.model.pod import dump_pod
from podwright.stage0 import change, changes, pods, report, start
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodManifest
    from podwright.stage0.changes import Asked
    from podwright.stage0.pods import Pod

STATES = ("started", "stopped", "present", "absent")
RUNNING, CREATED, EXITED = "running", "created", "exited"


@value
class Wanted:
    """An app as it is to be. asked: what it is; None to leave that as it is."""

    pod: str
    name: str
    state: str
    asked: Optional[Asked] = None


@value
class Plan:
    """before, after  state and manifest of the app, or None where there is none; steps  of stop, rm, add, start"""

    before: Optional[dict[str, Any]]
    after: Optional[dict[str, Any]]
    steps: tuple[str, ...]


def settle(
    layout: Layout, wanted: Wanted, did: list[str], *, check: bool
) -> tuple[dict[str, Any], list[str]]:
    """Do what is to be done, or with `check` only say it: the answer, and warnings.

    did  gets what was done, step by step, also when one of them fails
    """
    pod = pods.find(layout, wanted.pod)
    manifest = change.checked(pod)
    plan = _plan(layout, pod, manifest, wanted, check=check)
    warnings: list[str] = []
    for step in () if check else plan.steps:
        _do(layout, pod, wanted, step, warnings)
        did.append(step)
    out = {
        "pod": wanted.pod,
        "uuid": pod.uuid,
        "name": wanted.name,
        "changed": bool(plan.steps),
        "actions": list(plan.steps),
        "state": plan.after["state"] if plan.after else "absent",
        "diff": {"before": plan.before or {}, "after": plan.after or {}},
    }
    return out, warnings


def _do(layout: Layout, pod: Pod, wanted: Wanted, step: str, warnings: list[str]) -> None:
    if step == "add":
        assert wanted.asked is not None
        asked = replace(wanted.asked, pull_policy="new")  # it has been looked for
        change.add(layout, pod, asked, warn=warnings.append)
        return
    acts = {"stop": change.end, "rm": change.remove, "start": change.begin}
    acts[step](layout, pod, wanted.name)


def _plan(layout: Layout, pod: Pod, manifest: PodManifest, wanted: Wanted, *, check: bool) -> Plan:
    state = _state(pod, wanted.name)
    was = _document(manifest, wanted.name)
    before = {"state": state, "app": was} if was else None
    if wanted.state == "absent":
        gone = ("stop", "rm") if state == RUNNING else ("rm",)
        return Plan(before, None, gone if was else ())
    if not was and wanted.asked is None:
        raise NotFoundError(
            f"pod {pod.shown} has no app called {safe(wanted.name, 60)!r}, and no image is given for it",
            "say its image",
            object=wanted.name,
        )
    will = _wanted_document(layout, pod, manifest, wanted, check=check) if wanted.asked else was
    steps: tuple[str, ...] = ()
    now = state
    if will != was:
        steps = (*(("stop",) if state == RUNNING else ()), *(("rm",) if was else ()), "add")
        now = CREATED
    runs = wanted.state == "started" or (wanted.state == "present" and state == RUNNING)
    if runs and now != RUNNING:
        steps, now = (*steps, "start"), RUNNING
    elif wanted.state == "stopped" and now == RUNNING:
        steps, now = (*steps, "stop"), EXITED
    return Plan(before, {"state": now, "app": will}, steps)


def _state(pod: Pod, name: str) -> str:
    return next((one["state"] for one in report.report(pod)["apps"] if one["name"] == name), "")


def _document(manifest: PodManifest, name: str) -> Optional[dict[str, Any]]:
    """An app of a manifest with the volumes that it mounts, as JSON."""
    found = dump_pod(manifest)
    app = next((one for one in found["apps"] if one["name"] == name), None)
    if app is None:
        return None
    named = {mount["volume"] for mount in app.get("mounts", ())}
    volumes = [one for one in found.get("volumes", ()) if one["name"] in named]
    return {**app, "volumes": sorted(volumes, key=lambda one: str(one["name"]))}


def _wanted_document(
    layout: Layout, pod: Pod, manifest: PodManifest, wanted: Wanted, *, check: bool
) -> Optional[dict[str, Any]]:
    """What the app is to be; in check mode of an image that is not here, only the image's name."""
    assert wanted.asked is not None
    rest = manifest
    if any(one.name == wanted.name for one in manifest.apps):
        rest, _gone = changes.without(manifest, wanted.name, start.read_runtime(pod.path))
    asked = replace(wanted.asked, pull_policy="never") if check else wanted.asked
    try:
        app, volumes = change.planned(layout, pod, asked, rest)
    except NotFoundError:
        if not check or wanted.asked.pull_policy == "never":
            raise
        return {"name": wanted.name, "image": {"name": wanted.asked.app.image}}
    return _document(changes.merged(rest, app, volumes), wanted.name)


def check_order(layout: Layout, wanted: tuple[Wanted, ...]) -> None:
    """Refuse an app that is asked for twice, also by the name and the UUID of its pod. Raises UsageError."""
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(wanted):
        meant = one.pod
        with suppress(PodwrightError):  # what is not found is told of when its turn comes
            meant = pods.find(layout, one.pod).uuid
        if (meant, one.name) in seen:
            raise UsageError(
                f"apps[{index}].name: app {one.name} of pod {safe(one.pod, 60)} appears twice",
                "say each app once",
                object=one.name,
            )
        seen.add((meant, one.name))
