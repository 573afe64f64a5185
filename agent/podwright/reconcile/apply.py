# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`apply`: keys, policy, images and pods of one desired state, and the answer about them."""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.host import systemd
from podwright.reconcile import canonical, execute, keys, observe, podwork
from podwright.reconcile.answer import Answer
from podwright.reconcile.stored import apply_image
from podwright.stage0 import pods, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.podspec import PodSpec
    from podwright.model.spec import DesiredState
    from podwright.reconcile.answer import Mode
    from podwright.reconcile.observe import Observed


def apply(layout: Layout, desired: DesiredState, mode: Mode) -> dict[str, Any]:
    """Bring the host to the desired state, or say what that would change.

    A key, policy or image that fails ends it, since pods depend on them; a pod that fails does not keep
    the other pods from being brought up. Never raises for a refusal: it stands in the answer.
    """
    answer = Answer(mode)
    try:
        for key in desired.keys:
            part, warnings = keys.apply_key(layout, key, mode.check)
            answer.keys.append(part)
            answer.warnings += warnings
        if desired.policy is not None:
            from podwright.reconcile.policyfile import apply_policy

            answer.policy.append(apply_policy(layout, desired.policy, mode.check))
        _secrets(layout, desired, answer, present=True)
        _networks(layout, desired, answer, present=True)
        for image in desired.images:
            only_says = mode.check if image.state == "absent" else not mode.fetches
            answer.images.append(apply_image(layout, image, only_says, mode.progress))
    except PodwrightError as err:
        answer.fail(err)
        return answer.as_json()
    units = systemd.ActiveStates()
    works = [podwork.plan_work(layout, spec, mode, answer, units) for spec in desired.pods]
    _tell_strangers(layout, works, answer)
    if mode.check:
        return _without_rest(layout, desired, answer)
    for phase in ("stage", "switch", "settle"):
        for index, work in enumerate(works):
            if work is not None and work.plan.changed and answer.pods[index]["error"] is None:
                _phase(work, phase, answer, index)
    units = systemd.ActiveStates()
    for index, work in enumerate(works):
        if work is not None:
            part = answer.pods[index]
            _finish(layout, work, part, units)
            told = work.warnings + (part["reports"] if work.plan.changed else [])
            told += _unready(layout, work, part)
            answer.warnings += [f"pod {work.spec.name}: {text}" for text in told]
    return _without_rest(layout, desired, answer)


def _unready(layout: Layout, work: execute.Work, part: dict[str, Any]) -> list[str]:
    """That a pod runs as desired and is not ready, and what is known of why."""
    wanted = work.spec.state in ("started", "restarted") and part["error"] is None
    if not wanted or part["state"] != "running" or part["ready"]:
        return []
    pod = pods.get(layout, part["uuid"])
    apps = report.report(pod)["apps"] if pod is not None else []
    why = [
        f"app {app['name']}: {app['last_failure']['probe']}: {app['last_failure']['text']}"
        for app in apps
        if app["last_failure"] and not app["ready"]
    ]
    return [": ".join(("it runs, but is not ready", *(["; ".join(why)] if why else [])))]


def _tell_strangers(layout: Layout, works: list[Optional[execute.Work]], answer: Answer) -> None:
    """Which of the pods that the rules of pods name are not here, nor in the desired state."""
    found = [work for work in works if work is not None]
    coming = [work.spec.name for work in found if work.spec.state != "absent"]
    for work in found:
        if work.spec.allow and work.plan.changed and work.spec.state != "absent":
            from podwright.net import rulecheck

            told = rulecheck.strangers(layout, work.spec.allow, coming)
            answer.warnings += [f"pod {work.spec.name}: {text}" for text in told]


def _networks(layout: Layout, desired: DesiredState, answer: Answer, *, present: bool) -> None:
    """Those that are to be there come before the pods, and those that are not after them."""
    wanted = [one for one in desired.networks if (one.document is not None) == present]
    if not wanted:
        return
    from podwright.reconcile import networks

    for one in wanted:
        others = networks.besides(desired, one.name)
        part, warnings = networks.apply_network(layout, one, others, answer.mode.check)
        answer.networks.append(part)
        answer.warnings += warnings
    answer.planned = networks.planned(desired) if present and answer.mode.check else ()


def _secrets(layout: Layout, desired: DesiredState, answer: Answer, *, present: bool) -> None:
    """Those that the host is to keep come before the pods, and those that it is not after them."""
    wanted = [one for one in desired.secrets if (one.content is not None) == present]
    if not wanted:
        return
    from podwright.reconcile import keptsecrets

    for one in wanted:
        if not present and answer.mode.check:
            keptsecrets.refuse_used(layout, one.name, keptsecrets.leaving(desired, one.name))
        part = keptsecrets.apply_secret(layout, one, answer.mode.check, answer.kept)
        answer.secrets.append(part)
        if present and answer.kept[one.name].why and part["changed"]:
            answer.warnings.append(
                f"secret {one.name} is kept in a file of root's: {answer.kept[one.name].why}"
            )


def _without_rest(layout: Layout, desired: DesiredState, answer: Answer) -> dict[str, Any]:
    """The answer when the networks and secrets have gone that are to go; a pod that failed may have them still."""
    try:
        if answer.error is None:
            _networks(layout, desired, answer, present=False)
            _secrets(layout, desired, answer, present=False)
    except PodwrightError as err:
        answer.fail(err)
    names = [one.name for one in desired.networks]
    answer.networks.sort(key=lambda part: names.index(part["name"]))
    order = [one.name for one in desired.secrets]
    answer.secrets.sort(key=lambda part: order.index(part["name"]))
    return answer.as_json()


def _phase(work: execute.Work, phase: str, answer: Answer, index: int) -> None:
    try:
        getattr(work, phase)()
    except PodwrightError as err:
        if phase == "stage":
            answer.pods[index]["changed"] = False
            answer.pods[index]["actions"] = []
        answer.pods[index]["error"] = answer.fail(err)
    except (TypeError, ValueError, LookupError, AttributeError) as err:
        answer.pods[index]["error"] = answer.fail(podwork.internal(work.spec.name, err))
    except OSError as err:
        wrapped = PodwrightError(
            f"pod {work.spec.name}: {err.strerror}: {err.filename or phase}", object=work.spec.name
        )
        answer.pods[index]["error"] = answer.fail(wrapped)


def _finish(
    layout: Layout, work: execute.Work, part: dict[str, Any], units: systemd.ActiveStates
) -> None:
    """Fill in what the pod looks like now."""
    seen = work.seen
    if work.plan.changed:
        seen = observe.observe(layout, work.spec.name, units, damaged_ok=True)
    pod = pods.get(layout, seen.uuid) if seen.uuid else None
    shown = report.report(pod) if pod else {}
    part.update(
        uuid=seen.uuid,
        state=_state(work.spec, seen, part),
        ready=seen.ready,
        pid=shown.get("pid"),
        ip=next((net["ip"] for net in shown.get("networks", [])), ""),
        revision=seen.revision.number if seen.revision else None,
        reports=shown.get("reports", []),
        selinux=shown.get("selinux", {}).get("process", ""),
        rolled_back=work.rolled_back,
    )
    if work.stored:
        names = canonical.image_names(work.spec, work.stored)
        part["image_ids"] = dict(zip(names, (image.id for image in work.stored)))


def _state(spec: PodSpec, seen: Observed, part: dict[str, Any]) -> str:
    """The pod's state in the words of the desired state, where it is as desired."""
    if part["error"] is not None or seen.state == "running":
        return seen.state
    return spec.state if spec.state in ("absent", "stopped", "prepared") else seen.state
