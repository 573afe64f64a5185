# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux label and AppArmor profiles of a pod that is about to start.

Only imported where the host has SELinux on, or where the pod asks for something of the kind.
What an app is to be given is written to its own /proc/thread-self/attr between fork and exec
(`AppPlan.attributes`), by whichever process starts it, so that every process of an app gets it.
"""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.host import apparmor, mcs, selinux
from podwright.model.label import Context, PodLabel, number_of_pair, parse_context, shared_by
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.slots import Slot
    from podwright.model.isolators import Isolators
    from podwright.model.pod import PodManifest
    from podwright.stage1.contract import Launch
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import PodPlan

SELINUX, APPARMOR = "os/linux/selinux-context", "os/linux/apparmor-profile"
FILE = "selinux"
"""In the pod directory: the contexts of its processes and files, for `status` and `verify`."""


class Labels:
    """What was given to a pod: the plan with it, what holds its MCS pair, what was not to be had."""

    def __init__(self, plan: PodPlan) -> None:
        self.plan = plan
        self.slot: Optional[Slot] = None
        self.reports: list[str] = []

    def release(self) -> None:
        """Give the MCS pair back; every process of the pod must have ended."""
        if self.slot is not None:
            self.slot.release()


def refuse(manifest: PodManifest, mode: str, stage1: str, root: str = "") -> list[str]:
    """What can be said before a pod is prepared: refusals, and reports of what it will miss."""
    reports = []
    if mode == "require":
        _require(stage1, root)
    for app in manifest.apps:
        isolators = app.app.isolators
        if isolators.selinux is not None and not selinux.enabled(root):
            reports += _miss(app.name, isolators, SELINUX, "SELinux is not enabled on this host")
        elif isolators.selinux is not None and mode == "off":
            reports += _miss(app.name, isolators, SELINUX, "the pod says selinux: off")
        if isolators.apparmor:
            why = apparmor.why_not(isolators.apparmor, root)
            reports += _miss(app.name, isolators, APPARMOR, why) if why else []
    return reports


def _require(stage1: str, root: str) -> None:
    if not selinux.enabled(root):
        raise LaunchError(
            "selinux: require: SELinux is not enabled on this host",
            "enable it and boot again, or say selinux: auto",
        )
    if not selinux.enforcing(root):
        raise LaunchError(
            "selinux: require: SELinux is permissive on this host: nothing would be denied",
            "setenforce 1, or say selinux: auto",
        )
    if stage1 == "fly":
        raise LaunchError(
            "selinux: require: a fly pod runs as the host itself does",
            "choose the flavour namespaces, or say selinux: auto",
        )


def _miss(app: str, isolators: Isolators, name: str, why: str) -> list[str]:
    """Something that an app asks for cannot be had: refused, or reported when it is optional."""
    if name not in isolators.optional:
        raise LaunchError(
            f"app {app}: its isolator {name} cannot be enforced: {why}",
            'leave it out; in a desired state or manifest, "optional": true has it reported only',
            object=app,
        )
    return [f"app {app}: its isolator {name} is not enforced: {why}"]


def attach(pod: Launch, plan: PodPlan, root: str = "") -> Labels:
    """Choose the pod's label, put it into the plan, record it. The caller releases it in the end.

    Raises LaunchError or PolicyError for what is required and not to be had.
    """
    labels = Labels(plan)
    try:
        _attach(pod, labels, root)
        _record(labels, _machine(pod.stage1, labels, root))
    except BaseException:
        labels.release()
        raise
    return labels


def _attach(pod: Launch, labels: Labels, root: str) -> None:
    refuse(pod.manifest, pod.selinux, pod.stage1, root)
    profiles = _profiles(pod.manifest, root)
    processes: dict[str, str] = {}
    if pod.selinux != "off" and selinux.enabled(root):
        asked = any(app.app.isolators.selinux is not None for app in pod.manifest.apps)
        if pod.stage1 == "fly" and not asked:
            labels.reports.append("no SELinux label: a fly pod runs as the host itself does")
        else:
            processes = _label(pod, labels, root)
    apps = []
    for app in labels.plan.apps:
        attributes = _attributes(processes.get(app.name, ""), profiles.get(app.name, ""))
        binds = {
            name: tuple(_bind(bind, labels.plan.label) for bind in getattr(app, name))
            for name in ("binds", "late_binds")
        }
        apps.append(replace(app, attributes=attributes, **binds))
    labels.plan = replace(labels.plan, apps=tuple(apps))


def join(pod: Launch, plan: PodPlan, given: dict[str, Any]) -> PodPlan:
    """The plan of apps that join a pod that runs with the label `given`, as in `FILE`; {} for none.

    Raises LaunchError for what they ask for and cannot have.
    """
    refuse(pod.manifest, pod.selinux, pod.stage1)
    profiles = _profiles(pod.manifest, "")
    label: Optional[PodLabel] = None
    if given:
        found = selinux.container_contexts("")
        ro_file, common = str(found.ro_file), found.shared_text()
        label = PodLabel(given["process"], given["file"], ro_file, -1, common)
    asked = {app.name: app.app.isolators.selinux for app in pod.manifest.apps}
    apps = []
    for app in plan.apps:
        own = asked[app.name]
        if own is not None and (
            not given or own.level != parse_context(given["process"], FILE).level
        ):
            raise LaunchError(
                f"app {app.name}: the pod runs with another SELinux level than {safe(own)}",
                f"leave {SELINUX} out, or run the app in a pod of its own",
                object=app.name,
            )
        context = str(own) if own is not None else given.get("process", "")
        binds = {
            name: tuple(_bind(bind, label) for bind in getattr(app, name))
            for name in ("binds", "late_binds")
        }
        attributes = _attributes(context, profiles.get(app.name, ""))
        apps.append(replace(app, attributes=attributes, **binds))
    return replace(plan, apps=tuple(apps), label=label)


def _bind(bind: Bind, label: Optional[PodLabel]) -> Bind:
    """A volume with the label that its files are to get."""
    if label is None or bind.memory or bind.kind not in ("host", "empty"):
        return bind
    if bind.kind == "empty" or bind.relabel == "private":
        return replace(bind, label=label.file)
    if bind.relabel == "shared":
        return replace(bind, label=label.shared or shared_by(label.file))
    return bind


def _profiles(manifest: PodManifest, root: str) -> dict[str, str]:
    """The AppArmor profile of each app that asks for one which it can have."""
    wanted = {app.name: app.app.isolators.apparmor for app in manifest.apps}
    return {
        name: profile
        for name, profile in wanted.items()
        if profile and apparmor.why_not(profile, root) is None
    }


def _attributes(context: str, profile: str) -> tuple[tuple[str, str], ...]:
    """(file in /proc/thread-self/attr, text) pairs; keycreate is for the app's own keyring."""
    out = [("keycreate", context), ("exec", context)] if context else []
    return (*out, ("apparmor/exec", f"exec {profile}")) if profile else tuple(out)


def _label(pod: Launch, labels: Labels, root: str) -> dict[str, str]:
    """Give the pod its contexts; those of its apps' processes by name."""
    given = {
        app.name: app.app.isolators.selinux
        for app in pod.manifest.apps
        if app.app.isolators.selinux is not None
    }
    try:
        contexts = selinux.container_contexts(root)
    except selinux.PolicyError as err:
        if pod.selinux == "require" or given:
            raise
        labels.reports.append(f"no SELinux label: {err.message}")
        return {}
    processes = {
        name: selinux.check(Context(**context.__dict__), root) for name, context in given.items()
    }
    level = _level(pod, labels, {context.level for context in processes.values()}, root)
    for app in pod.manifest.apps:
        processes.setdefault(app.name, contexts.process.at(level))
    for context in processes.values():
        selinux.check(context, root)
        if pod.selinux == "require" and selinux.only_logged(context, root):
            raise LaunchError(
                f"selinux: require: the type {context.type} is permissive: nothing would be denied",
                f"semanage permissive --delete {context.type}, or say selinux: auto",
            )
    pod_label = PodLabel(
        str(contexts.process.at(level)),
        str(contexts.file.at(level)),
        str(contexts.ro_file),
        labels.slot.fd if labels.slot is not None else -1,
        contexts.shared_text(),
    )
    labels.plan = replace(labels.plan, label=pod_label)
    return {name: str(context) for name, context in processes.items()}


def _level(pod: Launch, labels: Labels, given: set[str], root: str) -> str:
    """An MCS pair of the pod's own, unless the operator has said another level."""
    if len(given) > 1:
        raise LaunchError(
            f"the apps of a pod share files, and so one SELinux level, not {safe(sorted(given))}",
            f"give all of them the same level in {SELINUX}",
        )
    run = os.path.dirname(pod.net_dir)
    if given:
        level = given.pop()
        high = level.rpartition("-")[2]  # of a range that is what counts
        labels.slot = mcs.hold(run, pod.uuid, high)
        if number_of_pair(high) < 0:
            labels.reports.append(
                f"SELinux level {level}, which was asked for, is no pair of categories: it is not kept for this"
                " pod, and other pods may reach it, or it them"
            )
        return level
    if not selinux.has_levels(root):
        labels.reports.append("the SELinux policy has no levels: pods are not told apart by it")
        return ""
    level, labels.slot = mcs.take(run, pod.uuid)
    return level


def _machine(stage1: str, labels: Labels, root: str) -> dict[str, Any]:
    """Of a pod that is a machine: the contexts of what runs on the host for it."""
    if stage1 != "kvm" or labels.plan.label is None:
        return {}
    from podwright.stage1.kvm import label

    given = label.of_machine(labels.plan.label, root)
    return {"machine": {"qemu": given.process, "files": given.server, "root": given.jail}}


def _record(labels: Labels, machine: dict[str, Any]) -> None:
    """Leave the pod's contexts in its directory."""
    from podwright import jsonio
    from podwright.kernel import fs

    label = labels.plan.label
    if label is None:
        return
    apps = {app.name: dict(app.attributes).get("exec", "") for app in labels.plan.apps}
    told: dict[str, Any] = {"process": label.process, "file": label.file, "apps": apps}
    told["shared"] = label.shared
    told.update(machine)
    text = jsonio.dumps(told)
    fs.write_atomic(f"{labels.plan.pod_dir}/{FILE}", text.encode(), 0o644, durable=False)
