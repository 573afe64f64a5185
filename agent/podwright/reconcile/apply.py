# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`apply`: keys, policy, images and pods of one desired state, and the answer about them."""

from __future__ import annotations

from podwright import __version__
from podwright.errors import PodwrightError, UsageError
from podwright.host import systemd
from podwright.model.names import is_image_id
from podwright.reconcile import canonical, execute, keys, observe, plan, revisions, sharing
from podwright.reconcile.stored import apply_image, stored_image
from podwright.stage0 import images, pods, prepare, report
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.host.secretstore import Kept
    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec
    from podwright.model.spec import DesiredState
    from podwright.net.values import NetConf, PortMap
    from podwright.reconcile.observe import Observed
    from podwright.stage0.images import StoredImage
    from podwright.stage0.prepare import Progress


@value
class Mode:
    """How to apply.

    check     only say what would change
    diff      include before and after
    command   argv prefix that starts this agent again with the same directories
    wait      until what was started is ready
    stage     with check: images are fetched and verified all the same, and nothing else is changed
    """

    check: bool
    diff: bool
    command: list[str]
    progress: Optional[Progress] = None
    wait: bool = True
    stage: bool = False

    @property
    def fetches(self) -> bool:
        """Whether images are brought here."""
        return self.stage or not self.check


class Answer:
    """The JSON object that `apply` answers, while it grows."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.keys: list[dict[str, Any]] = []
        self.policy: list[dict[str, Any]] = []
        self.networks: list[dict[str, Any]] = []
        self.secrets: list[dict[str, Any]] = []
        self.kept: dict[str, Kept] = {}
        self.images: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.error: Optional[dict[str, Any]] = None
        self.planned: tuple[NetConf, ...] = ()
        self._ports: dict[str, tuple[PortMap, ...]] = {}

    def claim_ports(self, spec: PodSpec, manifest: PodManifest) -> None:
        """Refuse a host port that another pod of the same desired state has."""
        if not spec.ports or spec.state not in ("started", "restarted"):
            return
        from podwright.net.ports import plan_ports

        ports = plan_ports(manifest)
        for other, held in self._ports.items():
            for port in ports:
                if any(port.overlaps(each) for each in held):
                    raise UsageError(
                        f"{port.shown()}: both pod {other} and pod {spec.name} publish it",
                        "give one of them another host port",
                        object=spec.name,
                    )
        self._ports[spec.name] = ports

    def warn_once(self, text: str) -> None:
        """Add a warning that concerns the whole host."""
        if text not in self.warnings:
            self.warnings.append(text)

    def fail(self, err: PodwrightError) -> dict[str, Any]:
        """Record a failure; the first one is the answer's."""
        shown = error_json(err)
        self.error = self.error or shown
        return shown

    def as_json(self) -> dict[str, Any]:
        """The whole answer."""
        parts = self.keys + self.policy + self.secrets + self.networks + self.images + self.pods
        out: dict[str, Any] = {
            "version": __version__,
            "check": self.mode.check,
            "changed": any(part["changed"] for part in parts),
            "keys": self._shown(self.keys),
            "policy": self._shown(self.policy),
            "secrets": self._shown(self.secrets),
            "networks": self._shown(self.networks),
            "images": self._shown(self.images),
            "pods": self._shown(self.pods),
            "warnings": self.warnings,
        }
        if self.mode.diff:
            out["diff"] = {side: _side(self, side) for side in ("before", "after")}
        if self.error:
            out["error"] = self.error
        return out

    def _shown(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Parts of the answer, with what differs only where that was asked for."""
        if self.mode.diff:
            return parts
        return [{key: part[key] for key in part if key != "diff"} for part in parts]


def _side(answer: Answer, side: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind in ("keys", "policy", "secrets", "networks", "images", "pods"):
        parts = getattr(answer, kind)
        changed = {part["label"]: part["diff"][side] for part in parts if part["changed"]}
        if changed:
            out[kind] = changed
    return out


def error_json(err: PodwrightError) -> dict[str, Any]:
    """An error as playbooks read it."""
    return {
        "message": err.message,
        "hint": err.hint,
        "reason": err.reason,
        "stage": err.stage,
        "object": err.object,
    }


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
    works = [_plan(layout, spec, mode, answer, units) for spec in desired.pods]
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
        answer.pods[index]["error"] = answer.fail(_internal(work.spec.name, err))
    except OSError as err:
        wrapped = PodwrightError(
            f"pod {work.spec.name}: {err.strerror}: {err.filename or phase}", object=work.spec.name
        )
        answer.pods[index]["error"] = answer.fail(wrapped)


def _internal(name: str, err: Exception) -> PodwrightError:
    """What one pod's files made of us is no reason to leave the other pods alone."""
    return PodwrightError(
        f"pod {name}: internal error: {type(err).__name__}: {safe(err, 200)}",
        "its revision may be damaged: remove the pod and apply it again",
        object=name,
    )


def _plan(
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
        if not spec.apps and spec.state != "absent":
            spec = _as_known(layout, spec, seen)
        spec, lacking = _with_secrets(layout, spec, mode, answer.kept)
        first = False
        spec, gets = _with_stage1(layout, spec, mode)
        stored, ids, fetches = (
            ([], [], False) if spec.state == "absent" else _resolve(layout, spec, mode)
        )
        fetches = fetches or gets
        if stored and len(stored) == len(spec.apps):
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
        part["error"] = answer.fail(_internal(spec.name, err))
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
            "say what it is: give its image or apps",
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
