# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about one pod of a desired state: looked at, resolved, planned; nothing is changed."""

from __future__ import annotations

from podwright.errors import PodwrightError, UsageError
from podwright.host import systemd
from podwright.model.names import is_image_id
from podwright.reconcile import canonical, execute, observe, plan, revisions, sharing
from podwright.reconcile.stored import stored_image
from podwright.stage0 import images, prepare
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.host.secretstore import Kept
    from podwright.model.podspec import PodSpec
    from podwright.reconcile.answer import Answer, Mode
    from podwright.reconcile.observe import Observed
    from podwright.stage0.images import StoredImage


def internal(name: str, err: Exception) -> PodwrightError:
    """What one pod's files made of us is no reason to leave the other pods alone."""
    return PodwrightError(
        f"pod {name}: internal error: {type(err).__name__}: {safe(err, 200)}",
        "its revision may be damaged: remove the pod and apply it again",
        object=name,
    )


def plan_work(
    layout: Layout, spec: PodSpec, mode: Mode, answer: Answer, units: systemd.ActiveStates
) -> Optional[execute.Work]:
    """Observe, resolve, plan; the pod's part of the answer is appended. None when it failed."""
    part: dict[str, Any] = {
        "label": spec.name,
        "name": spec.name,
        "changed": False,
        "actions": [],
        "error": None,
        "diff": {"before": {}, "after": {}},
    }
    answer.pods.append(part)
    try:
        unfinished = _unfinished(layout, spec.name, mode)
        seen = observe.observe(layout, spec.name, units, damaged_ok=spec.state == "absent")
        if not spec.says_what and spec.state != "absent":
            spec = _as_known(layout, spec, seen)
        spec, lacking = _with_secrets(layout, spec, mode, answer.kept)
        first = False
        spec, gets = _with_stage1(layout, spec, mode)
        stored, ids, fetches = (
            ([], [], False) if spec.state == "absent" else _resolve(layout, spec, mode)
        )
        fetches = fetches or gets
        if spec.state != "absent" and len(stored) == len(spec.apps):
            # Check mode refuses what a run would refuse.
            planned = prepare.plan_manifest(layout, spec, stored, answer.planned)
            answer.claim_ports(spec, planned.manifest)
            first = sharing.starts_first(layout, spec, planned.manifest, seen, answer.planned)
        unit = ""
        if systemd.running() and (spec.state != "absent" or _is_known(seen)):
            systemd.check_ours(spec.name, removes=spec.state == "absent")
        if systemd.running() and spec.state != "absent":
            unit = systemd.files_text(spec.name, canonical.settings(spec), mode.command)
        made = plan.plan_pod(
            spec,
            seen,
            ids,
            fetches,
            unit,
            lacking,
            starts_first=first,
            unfinished=unfinished,
        )
        if mode.stage and "prepare" in made.actions:
            _could_be_prepared(layout, spec, stored, seen)
        if (spec.unit is not None or spec.sockets) and not systemd.running():
            raise UsageError(
                f"pod {spec.name}: this host has no systemd, so it has no unit and no sockets",
                "leave `unit` and `sockets` out on this host",
                object=spec.name,
            )
        if spec.metadata and "start" in made.actions:
            from podwright.metadata import client

            client.check(layout.metadata_socket)
        if spec.enabled and spec.enabled_said and not systemd.running():
            answer.warn_once("this host has no systemd: pods do not start at boot by themselves")
        for number in revisions.damaged(layout, spec.name) if spec.state != "absent" else ():
            answer.warnings.append(
                f"pod {spec.name}: revision {number} cannot be read and is passed over"
            )
    except PodwrightError as err:
        part["error"] = answer.fail(err)
        return None
    except (TypeError, ValueError, LookupError, AttributeError) as err:
        part["error"] = answer.fail(internal(spec.name, err))
        return None
    part.update(
        changed=made.changed,
        actions=list(made.actions),
        image_ids=dict(zip(_app_names(spec, stored), ids)),
        diff={"before": made.before, "after": made.after},
        uuid=seen.uuid,
        state=seen.state,
    )
    return execute.Work(layout, spec, made, seen, stored, mode.command, mode.wait)


def _could_be_prepared(
    layout: Layout, spec: PodSpec, stored: list[StoredImage], seen: Observed
) -> None:
    """Refuse what preparing and starting it would refuse later."""
    from podwright.stage0 import intact

    for image in stored:
        intact.check(layout, image)
    if spec.state in ("started", "restarted"):
        execute.check_ports(layout, spec, stored, seen.uuid)


def _is_known(seen: Observed) -> bool:
    return seen.revision is not None or seen.damaged or bool(seen.uuid)


def _unfinished(layout: Layout, name: str, mode: Mode) -> bool:
    """Whether an earlier call was killed while it replaced the pod; then that is settled first."""
    from podwright.host import succession

    if succession.read(layout, name) is None:
        return False
    if not mode.check:
        from podwright.reconcile import startfirst

        startfirst.recover(layout, name, mode.command)
    return True


def _app_names(spec: PodSpec, stored: list[StoredImage]) -> list[str]:
    """What the apps are called; by number where only an image that is not here could tell."""
    if len(stored) == len(spec.apps):
        return list(canonical.image_names(spec, stored))
    return [app.name or str(index) for index, app in enumerate(spec.apps)]


def _with_secrets(
    layout: Layout, spec: PodSpec, mode: Mode, coming: dict[str, Kept]
) -> tuple[PodSpec, bool]:
    """The pod with digests of its secrets, and whether contents are still to be kept."""
    if not spec.secrets or spec.state == "absent":
        return spec, False
    from podwright.host import secrets

    known = secrets.with_digests(layout, spec.name, spec.secrets, mode.check, coming)
    for given in known:
        if given.secret.credential and not systemd.running():
            raise UsageError(
                f"secret {given.secret.name}: this host has no systemd, which passes credentials",
                "give it as content or from a file",
                object=given.secret.name,
            )
    return replace(spec, secrets=known), secrets.lacking(layout, spec.name, known)


def _as_known(layout: Layout, spec: PodSpec, seen: Observed) -> PodSpec:
    """The pod of the current revision, or of the one that is asked for, in the state that is wanted."""
    if seen.revision is None:
        raise UsageError(
            f"pod {spec.name} is not known on this host",
            "say what it is: give its image or apps, or sandbox",
            object=spec.name,
        )
    revision = seen.revision
    if spec.revision:
        from podwright.reconcile import history

        revision = history.chosen(layout, spec.name, spec.revision)
    known = canonical.respec(spec.name, revision.runtime, revision.settings)
    return replace(
        known,
        state=spec.state,
        enabled=spec.enabled,
        enabled_said=spec.enabled_said,
        revision=spec.revision,
    )


def _resolve(
    layout: Layout, spec: PodSpec, mode: Mode
) -> tuple[list[StoredImage], list[Optional[str]], bool]:
    """Images of the pod: (stored, IDs, whether something is or was fetched)."""
    if mode.fetches:
        before = {app.image: _stored_id(layout, app.image) for app in spec.apps}
        stored = prepare.resolve_images(layout, spec, mode.progress)
        fetched = any(before[app.image] != image.id for app, image in zip(spec.apps, stored))
        return stored, [image.id for image in stored], fetched
    ids: list[Optional[str]] = []
    fetches = False
    found_all = []
    for app in spec.apps:
        options = prepare.fetch_options(spec, app)
        found, would = images.would_resolve(layout, app.image, options)
        ids.append(found.id if found and not would else None)
        found_all += [found] if found else []
        fetches = fetches or would
    return found_all, ids, fetches


def _with_stage1(layout: Layout, spec: PodSpec, mode: Mode) -> tuple[PodSpec, bool]:
    """The pod with the stage1 image that it comes to, and whether that is or was fetched."""
    if spec.stage1 in ("namespaces", "fly") or spec.state == "absent":
        return spec, False
    from podwright.stage0 import stage1image

    known, would = stage1image.would_settle(layout, spec)
    if not (mode.fetches and would):
        return known, would
    return stage1image.settle(layout, spec, mode.progress), True


def _stored_id(layout: Layout, text: str) -> str:
    if is_image_id(text):
        return text
    found = stored_image(layout, text)
    return found.id if found else ""
