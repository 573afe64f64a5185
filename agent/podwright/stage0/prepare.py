# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare a pod: resolve and admit its images, build its manifest, write its directory (B0).

`run`, `prepare` + `run-prepared` and named pods all come through here, and what is needed to
run the pod later stands in its directory (`runtime-config`), so that they cannot differ.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.host import clock
from podwright.kernel import fs
from podwright.model import netchoice, privateusers
from podwright.model.build import build_manifest
from podwright.model.pod import PROFILE, dump_pod
from podwright.stage0 import images, intact, ownusers, platform, pods, verdict
from podwright.stage1.contract import Ready
from podwright.values import value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodManifest
    from podwright.model.podspec import AppSpec, PodSpec
    from podwright.net.values import NetConf
    from podwright.stage0.images import StoredImage

    Progress = Callable[[str, int, Optional[int]], None]

RUNTIME_FORMAT = 1
WITH_IMAGE_FORMAT = 2
"""Of pods with a stage1 image, which an older agent would run as something else."""


@value
class Planned:
    """What a pod is going to be.

    warnings   about what was asked for, for people
    reports    sentences about protection that is the default but that the pod does not have, for
               people and for `status`
    stage1     the image that its stage1 comes from; None for the flavours of ours
    """

    manifest: PodManifest
    warnings: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    stage1: Optional[StoredImage] = None


@value
class Prepared:
    """A prepared pod: its locked directory, and the rest as `Planned` has it."""

    pod: pods.LockedPod
    manifest: PodManifest
    warnings: tuple[str, ...]
    reports: tuple[str, ...] = ()


def resolve_images(
    layout: Layout,
    spec: PodSpec,
    progress: Optional[Progress] = None,
    accept_key: Optional[images.AcceptKey] = None,
) -> list[StoredImage]:
    """The stored, verified image of every app, fetched where the pull policy says so."""
    found = []
    for app in spec.apps:
        options = fetch_options(spec, app, accept_key)
        image = images.resolve(layout, app.image, options, progress)
        platform.check_runnable(image.manifest)
        found.append(image)
    return found


def settle_stage1(
    layout: Layout,
    spec: PodSpec,
    progress: Optional[Progress] = None,
    accept_key: Optional[images.AcceptKey] = None,
) -> PodSpec:
    """The spec with the stage1 image that it comes to, where its flavour takes one."""
    if spec.stage1 not in ("kvm", "xen", "image"):
        return spec
    from podwright.stage0 import stage1image

    return stage1image.settle(layout, spec, progress, accept_key)


def fetch_options(
    spec: PodSpec, app: AppSpec, accept_key: Optional[images.AcceptKey] = None
) -> images.FetchOptions:
    """How the image of an app of this pod is got."""
    return images.FetchOptions(
        pull_policy=spec.pull_policy,
        insecure=spec.insecure,
        signature=app.signature,
        credentials=spec.credentials,
        accept_key=accept_key,
    )


def prepare(
    layout: Layout,
    spec: PodSpec,
    stored: list[StoredImage],
    *,
    durable: bool = True,
    on_uuid: Optional[Callable[[str], None]] = None,
) -> Prepared:
    """Make the pod directory, locked, in state preparing; the caller moves it on.

    A failure leaves an aborted prepare, which is removed at once.
    """
    planned = plan_manifest(layout, spec, stored)
    for image in (*stored, *([planned.stage1] if planned.stage1 is not None else [])):
        intact.check(layout, image)
    pod = pods.create(layout)
    try:
        if on_uuid is not None:
            on_uuid(pod.uuid)
        _write(pod.path, spec, planned, stored, durable)
    except BaseException:
        discard(pod)
        raise
    return Prepared(pod, planned.manifest, planned.warnings, planned.reports)


def discard(pod: pods.LockedPod) -> None:
    """Remove a pod that `prepare` has made and that was refused before it was started."""
    if pod.directory == pods.PREPARE:
        fs.remove_tree(pod.path)
        pod.close()


def plan_manifest(
    layout: Layout, spec: PodSpec, stored: list[StoredImage], networks: tuple[NetConf, ...] = ()
) -> Planned:
    """The manifest and what to say about it; refuses all that can be refused without changes.

    networks  configurations that are still to be written
    """
    manifest, warnings = build_manifest(spec, [(image.id, image.manifest) for image in stored])
    reports: list[str] = []
    if spec.stage1 in ("kvm", "xen"):
        manifest, reports = _in_machine(spec, manifest)
    asked, widened = spec.private_users, None
    if PROFILE in dict(manifest.annotations):
        from podwright.model import profile

        widened = profile.check(spec, manifest)
        asked = profile.needs_users(manifest, asked)
    users = ownusers.decide(manifest, asked, spec.stage1, spec.net)
    reports += [widened] if widened else []
    rank = "namespaces" if widened else _rank(layout, spec, users.on)
    for image in stored if rank else ():
        subject = verdict.subject_of(image)
        verdict.check_stage1(layout, subject, rank, image.dependencies)
    reports += [users.report] if users.report else []
    if spec.insecure:
        from podwright.stage0.insecure import sentence

        reports.append(sentence(spec.insecure))
    if spec.stage1 == "fly":
        from podwright.model import fly

        manifest, more = fly.admit(spec, manifest)
        reports += more
    stage1 = None
    if spec.stage1_image is not None:
        from podwright.stage0 import stage1image

        stage1 = stage1image.of_spec(layout, spec)
        if spec.stage1 == "image" and stage1 is not None:
            manifest, more = _in_contract(spec, manifest, stage1)
            reports += more
    if any(image.manifest.app and image.manifest.app.isolators_json for image in stored):
        from podwright.stage0.grants import check_grants

        check_grants(spec, stored)
    if manifest.isolators_json or any(app.app.isolators_json for app in manifest.apps):
        from podwright.stage0 import isolatorcheck

        reports += isolatorcheck.check(manifest, spec.net, spec.insecure)
        reports += isolatorcheck.check_links(manifest, spec.net, layout.net_dirs())
    if not users.on:
        from podwright.stage0 import netadmins

        reports += netadmins.reports(manifest, spec.net, spec.insecure)
    check_host(spec, manifest)
    if netchoice.has_own_network(spec.net):
        warnings += check_networks(layout, spec.net, networks)
        if spec.allow:
            from podwright.net import rulecheck

            rulecheck.check(spec.net, layout.net_dirs(), networks)
            rulecheck.check_peers(spec.allow, layout.net_dirs(), networks)
    if any(app.mounts or app.app.mount_points for app in manifest.apps):
        from podwright.stage1.namespaces import mountcheck

        mountcheck.check(manifest, spec.stage1)
    isolators = [app.app.isolators for app in manifest.apps]
    if spec.selinux == "require" or any(one.selinux or one.apparmor for one in isolators):
        from podwright.stage1.namespaces import labels

        reports += labels.refuse(manifest, spec.selinux, spec.stage1)
    return Planned(manifest, tuple(warnings), tuple(reports), stage1)


def _in_machine(spec: PodSpec, manifest: PodManifest) -> tuple[PodManifest, list[str]]:
    """What a virtual machine enforces of the manifest, and sentences about the rest."""
    from podwright.host import uidranges
    from podwright.model import kvm

    return kvm.admit(spec, manifest, ownusers.nodes(manifest.volumes), uidranges.missing())


def _in_contract(
    spec: PodSpec, manifest: PodManifest, image: StoredImage
) -> tuple[PodManifest, list[str]]:
    """What a stage1 image of somebody else can be told of the manifest, and sentences about the rest."""
    from podwright.model import external
    from podwright.stage1.external import contract

    annotations = image.manifest.annotations
    stage1 = contract.parse(image.name, annotations)
    if spec.mutable:
        contract.check_mutable(stage1)
    return external.admit(spec, manifest, image.name, external.features(annotations))


def _rank(layout: Layout, spec: PodSpec, users: bool) -> str:
    """The isolation that the policy compares with what an image needs; "" while it is not known (check mode)."""
    image_id = ""
    if spec.stage1_image is not None and spec.stage1_image.settled:
        image_id = spec.stage1_image.text
    emulated = False
    if spec.stage1 == "kvm":
        from podwright.stage0 import machinesettings

        emulated = machinesettings.chosen(layout, spec.kvm).accelerator != "kvm"
    return privateusers.rank(spec.stage1, users, image_id, emulated)


def refuse_early(layout: Layout, spec: PodSpec) -> None:
    """Refuse, before anything is fetched, what cannot be had whatever the images are."""
    if spec.stage1 in ("kvm", "xen"):
        from podwright.model import kvm

        kvm.check_pod(spec)
        if spec.stage1 == "xen":
            from podwright.stage0 import xensettings

            xensettings.check_host()
    elif spec.stage1 == "image":
        from podwright.model import external

        external.check_pod(spec)
    if netchoice.has_own_network(spec.net) and spec.net != netchoice.DEFAULT:
        check_networks(layout, spec.net)


def check_networks(layout: Layout, net: str, planned: tuple[NetConf, ...] = ()) -> tuple[str, ...]:
    """Refuse networks that do not exist or cannot be used; warnings about their configuration."""
    import os

    directories = layout.net_dirs()
    if net == netchoice.DEFAULT and not any(map(os.path.lexists, directories)):
        return ()
    from podwright.net import lookup

    return lookup.check(net, directories, planned, layout.net_plugins)


def check_host(spec: PodSpec, manifest: PodManifest) -> None:
    """Refuse early what the host could not start: missing volume sources, no name server."""
    import os

    from podwright.errors import UsageError

    if spec.names is not None and spec.names.dns == "host":
        from podwright.stage0 import etcfiles

        etcfiles.check_host(spec.net)
    for volume in manifest.volumes:
        if volume.source and not os.path.lexists(volume.source):
            raise UsageError(
                f"volume {volume.name}: {volume.source} does not exist on this host",
                "make it first, or use an empty volume",
                object=volume.name,
            )
        if volume.relabel != "none":
            from podwright.stage1.namespaces import labelled

            labelled.check_source(volume.name, volume.source)


def _write(
    path: str, spec: PodSpec, planned: Planned, stored: list[StoredImage], durable: bool
) -> None:
    manifest = planned.manifest

    def put(name: str, text: str) -> None:
        fs.write_new(f"{path}/{name}", text.encode(), 0o640, durable=durable)

    put("runtime-config", jsonio.dumps(runtime_config(spec, planned.reports, planned.stage1)))
    put("pod", jsonio.dumps(dump_pod(manifest)))  # who sees it finds all images that it needs
    put("pod-created", clock.now())
    for directory in ("stage1", "overlay"):
        fs.mkdir(f"{path}/{directory}")  # what a pod writes may be a setuid program (T42)
    for directory in ("stage1/rootfs", "appsinfo"):
        fs.mkdir(f"{path}/{directory}", 0o755)
    for app, image in zip(manifest.apps, stored):
        fs.mkdir(f"{path}/appsinfo/{app.name}", 0o750)
        put(f"appsinfo/{app.name}/manifest", jsonio.dumps(image.manifest.raw))
        put(f"appsinfo/{app.name}/treeStoreID", image.id)


def runtime_config(
    spec: PodSpec, reports: tuple[str, ...] = (), stage1: Optional[StoredImage] = None
) -> dict[str, Any]:
    """What run-prepared needs besides the manifest."""
    names: dict[str, Any] = {}
    if spec.names is not None:
        from podwright.model import podnames

        names["names"] = podnames.dump(spec.names)
    if stage1 is not None:
        version = stage1.manifest.label("version")
        names["stage1Image"] = stage1.id
        names["stage1Name"] = f"{stage1.name}:{version}" if version else stage1.name
    if spec.ipc != "auto":
        names["ipc"] = spec.ipc
    if spec.mutable and spec.volumes:
        names["volumes"] = [volume.name for volume in spec.volumes]
    if spec.kvm is not None:
        from podwright.model import machinechoice

        names["kvm"] = machinechoice.dump(spec.kvm)
    return {
        **names,
        "format": RUNTIME_FORMAT if stage1 is None else WITH_IMAGE_FORMAT,
        "name": spec.name,
        "stage1": spec.stage1,
        "net": spec.net,
        "hostname": spec.hostname,
        "insecure": sorted(spec.insecure),
        "ready": to_json(spec.ready),
        "stopTimeout": spec.stop_timeout,
        "overlay": spec.overlay,
        "interactive": spec.interactive,
        "reports": list(reports),
        "selinux": spec.selinux,
        "privateUsers": spec.private_users,
        "metadata": spec.metadata,
        **({} if spec.log is None else {"log": to_json(spec.log)}),
    }


def read_ready(raw: dict[str, Any]) -> Ready:
    """The readiness rule as it was written by `runtime_config`."""
    return Ready(**{**raw, "exec": tuple(raw["exec"])})
