# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Launch a prepared pod in this process: admit its images again, hand over to stage1, record the end."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import StoreError
from podwright.host import clock
from podwright.kernel import beneath, fs
from podwright.model import privateusers
from podwright.model.pod import MUTABLE, PROFILE, parse_pod
from podwright.stage0 import etcfiles, images, intact, ownusers, pods, prepare, verdict
from podwright.stage1.contract import Given, Launch, Outcome
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.bandwidth import Bandwidth
    from podwright.model.pod import PodManifest
    from podwright.model.podnames import PodNames
    from podwright.model.privateusers import Decision
    from podwright.net.values import NetRequest
    from podwright.net.worker import NetWorker
    from podwright.stage0.images import StoredImage
    from podwright.stage1.contract import Listening, OnReady, OnReport, Stage1Image
    from podwright.stage1.kvm.machine import Settings
    from podwright.stage1.xen.machine import Settings as XenSettings
    from podwright.tpm.settings import Settings as Said


def read_manifest(path: str) -> PodManifest:
    """The manifest of the pod that lies in `path`."""
    data = beneath.read_regular(path, "pod", jsonio.MAX_BYTES)
    return parse_pod(jsonio.loads(data, f"{path}/pod"), "pod manifest")


def read_runtime(path: str) -> dict[str, Any]:
    """The runtime configuration of a pod; a newer format is refused."""
    data = beneath.read_regular(path, "runtime-config", jsonio.MAX_BYTES)
    config: dict[str, Any] = jsonio.loads(data, f"{path}/runtime-config")
    if config.get("format") not in (prepare.RUNTIME_FORMAT, prepare.WITH_IMAGE_FORMAT):
        raise StoreError(
            f"{path}: runtime-config has format {config.get('format')}", "upgrade the agent"
        )
    return config


def run(
    layout: Layout,
    pod: pods.LockedPod,
    overrides: Optional[dict[str, Any]] = None,
    on_ready: Optional[OnReady] = None,
    stored: Optional[list[StoredImage]] = None,
    on_report: Optional[OnReport] = None,
    again: tuple[str, ...] = (),
    after: str = "",
    log_files: bool = False,
    debug: bool = False,
) -> Outcome:
    """Run a locked, prepared pod to its end; moves it to `run` first.

    overrides  runtime-config keys said again on the command line (run-prepared --net ...)
    stored     the images, when they were admitted a moment ago by this same process
    on_report  told each sentence about protection that is found missing only now
    again      command line of the agent that goes on by `resume` in this process, or ()
    after      a pod that runs, whose ports and names it is to take over
    log_files  what its apps write is kept in files; it has a name
    debug      a stage1 image is to print details
    The verdict on every image is evaluated again here, with the trust store of this moment.
    """
    config = {**read_runtime(pod.path), **(overrides or {})}
    said = _said_of_measuring(layout)  # before anything is made of a pod that could not start
    if config.get("metadata"):
        from podwright.metadata import client

        client.check(layout.metadata_socket)
    network = _worker(config["net"], config["stage1"])  # it loads its libraries while we go on
    try:
        launch = _launch(layout, pod, config, stored or [])
        if log_files:
            launch = replace(launch, log_files=True)
        if debug:
            launch = replace(launch, given=replace(launch.given, debug=True))
        if overrides:  # `status` tells how it runs
            data = jsonio.dumps(config).encode()
            fs.write_atomic(f"{pod.path}/runtime-config", data, 0o640, durable=False)
        if network is not None:
            network.ask(_request(layout, launch, after))
        if said is not None:
            launch = _measured(layout, said, launch)
    except BaseException:
        if network is not None:
            network.teardown()
        raise
    os.chdir(pod.path)
    run_pod = _road(launch.stage1)
    try:
        outcome = run_pod(launch, on_ready or _nothing, network, on_report, again)
    except BaseException as err:
        if launch.measuring is not None:
            launch.measuring.cancel()
        record_end(pod.path, Outcome(254, getattr(err, "reason", "failed"), {}), str(err))
        raise
    return record_end(pod.path, outcome, "")


def _said_of_measuring(layout: Layout) -> Optional[Said]:
    """How starts are measured, where the host does that (docs/tpm.md). Raises UsageError."""
    if not any(os.path.lexists(f"{base}/tpm.d") for base in layout.config_dirs()):
        return None
    from podwright.tpm import settings

    return settings.read(layout)


def _measured(layout: Layout, said: Said, launch: Launch) -> Launch:
    """With its start being measured."""
    from podwright.tpm import pods as measured

    return replace(launch, measuring=measured.begin(layout, said, launch))


def _road(stage1: str) -> Callable[..., Outcome]:
    """What runs a pod of this flavour."""
    if stage1 == "image":
        from podwright.stage1.external.run import launch as launch_image

        return launch_image
    from podwright.stage1.namespaces.launch import launch

    return launch


def resume(
    state: dict[str, Any], number: int, again: tuple[str, ...], on_report: OnReport
) -> Outcome:
    """Go on with what `run` began in this process, woken up by signal `number`."""
    from podwright.stage1.namespaces.resume import resume as resume_namespaces

    try:
        outcome = resume_namespaces(state, number, again, on_report)
        outcome = record_end(state["pod_dir"], outcome, "")
    finally:
        os.close(state["owned"]["lock"])  # who is locked is running
    return outcome


def _launch(
    layout: Layout, pod: pods.LockedPod, config: dict[str, Any], stored: list[StoredImage]
) -> Launch:
    """Admit the images and move the pod to `run`."""
    manifest = read_manifest(pod.path)
    listening: tuple[Listening, ...] = ()
    warnings: list[str] = []
    if "LISTEN_FDS" in os.environ:
        from podwright.host import activation

        listening, warnings = activation.match(activation.inherited(), manifest)
        manifest = activation.without(manifest, listening)
        if config["stage1"] in ("kvm", "xen"):
            from podwright.model import kvm

            kvm.check_listening(tuple(one.name for one in listening), config["stage1"])
    insecure = frozenset(config["insecure"])
    _limit(manifest, config["net"])
    asked = config.get("privateUsers", "")
    wider = PROFILE in dict(manifest.annotations)
    if wider:
        from podwright.model import profile

        asked = profile.needs_users(manifest, asked)
    users = ownusers.decide(manifest, asked, config["stage1"], config["net"])
    machine = _machine(layout, config)
    rank = privateusers.rank(
        config["stage1"], users.on, config.get("stage1Image", ""), _is_emulated(machine), wider
    )
    known = {image.id: image for image in stored}
    trees = {}
    for app in manifest.apps:
        image = known.get(app.image_id) or images.admit(layout, app.image_id, insecure)
        subject = verdict.subject_of(image)
        verdict.check_stage1(layout, subject, rank, image.dependencies)
        intact.check(layout, image)
        trees[app.name] = image.trees
    stage1_image = _stage1_image(layout, config, insecure)
    emulated = _checked(machine)
    xen = _xen(layout) if config["stage1"] == "xen" else None
    fs.write_atomic(f"{pod.path}/started-at", clock.now().encode(), 0o640, durable=False)
    pod.move(pods.RUN, durable=False)
    launch = Launch(
        uuid=pod.uuid,
        name=config["name"],
        pod_dir=pod.path,
        lock_fd=pod.fd,
        manifest=manifest,
        trees=trees,
        net=config["net"],
        hostname=config["hostname"] or config["name"] or f"rkt-{pod.uuid}",
        insecure=insecure,
        ready=prepare.read_ready(config["ready"]),
        stop_timeout=config["stopTimeout"],
        net_dir=layout.net,
        overlay=config["overlay"],
        interactive=config["interactive"],
        selinux=config.get("selinux", "auto"),
        stage1=config["stage1"],
        private_users=ownusers.mode(users, asked),
        users_dir=layout.users,
        reports=(
            *_reports(users, manifest, config["net"], insecure, config.get("reports", ())),
            *warnings,
            *emulated,
        ),
        secrets_dir=_secrets_dir(layout, config["name"]) if manifest.secrets else "",
        metadata=layout.metadata_socket if config.get("metadata") else "",
        listening=listening,
        machined=not os.path.exists(f"{layout.local_config}/no-machined"),
        machine_journal=not os.path.exists(f"{layout.local_config}/no-machine-journals"),
        stage1_image=stage1_image,
        kvm=machine,
        xen=xen,
        given=Given(config["hostname"], layout.local_config, config.get("ipc", "auto")),
    )
    if config["name"]:
        launch = _logged(layout, launch, config)
    etc = etcfiles.write(launch, names_of(config), layout.net_dirs())
    if MUTABLE in manifest.annotations:
        etcfiles.keep(pod.path, etc)
    return replace(launch, etc=etc)


def _machine(layout: Layout, config: dict[str, Any]) -> Optional[Settings]:
    """How the pod's virtual machine is to be run; None for a pod that is none."""
    if config["stage1"] != "kvm":
        return None
    from podwright.model import machinechoice
    from podwright.stage0 import machinesettings

    said = machinechoice.load(config["kvm"]) if config.get("kvm") else None
    return machinesettings.chosen(layout, said)


def _xen(layout: Layout) -> XenSettings:
    """How domains of Xen are to be run. Raises HostError on a host that runs none."""
    from podwright.stage0 import xensettings

    xensettings.check_host()
    return xensettings.read(layout)


def _is_emulated(machine: Optional[Settings]) -> bool:
    return machine is not None and machine.accelerator != "kvm"


def _checked(machine: Optional[Settings]) -> list[str]:
    """Sentences about how a machine is run. Raises HostError where it cannot be."""
    if machine is None:
        return []
    from podwright.stage0 import machinesettings

    machinesettings.check_accelerator(machine)
    return machinesettings.reports(machine)


def _stage1_image(
    layout: Layout, config: dict[str, Any], insecure: frozenset[str]
) -> Optional[Stage1Image]:
    """The stage1 image that was chosen when the pod was prepared, admitted again."""
    if config.get("stage1Image") is None:
        if config["stage1"] in ("namespaces", "fly"):
            return None
        raise StoreError(
            f"a pod of stage1 {config['stage1']} has no stage1 image", "prepare it anew"
        )
    from podwright.stage0 import stage1image

    image = stage1image.admit(layout, config["stage1Image"], config["stage1"], insecure, whole=True)
    return stage1image.as_launched(image)


def _logged(layout: Layout, launch: Launch, config: dict[str, Any]) -> Launch:
    """With a place for its logs, since the pod's own directory goes with its next start."""
    from podwright.host import logs

    place = logs.begin(
        layout, launch.name, launch.uuid, lambda uuid: pods.get(layout, uuid) is not None
    )
    launch = replace(launch, log_dir=place)
    said = config.get("log")
    return (
        launch
        if said is None
        else replace(launch, log_limits=(said["max_size"], said["max_files"]))
    )


def names_of(config: dict[str, Any]) -> Optional[PodNames]:
    """What was said about names."""
    if not config.get("names"):
        return None
    from podwright.model import podnames

    return podnames.load(config["names"])


def _reports(
    users: Decision,
    manifest: PodManifest,
    net: str,
    insecure: frozenset[str],
    known: Sequence[str],
) -> tuple[str, ...]:
    """What the pod does not have that nobody has said when it was prepared."""
    texts = [users.report]
    if not users.on:
        from podwright.stage0 import netadmins

        texts += netadmins.reports(manifest, net, insecure)
    if insecure:
        from podwright.stage0.insecure import sentence

        texts.append(sentence(insecure))
    return tuple(text for text in texts if text and text not in known)


def _secrets_dir(layout: Layout, name: str) -> str:
    from podwright.host import secrets

    return secrets.directory(layout, name)


def _nothing() -> None:
    """Nobody waits for readiness."""


def record_end(path: str, outcome: Outcome, error: str) -> Outcome:
    """Write when and how the pod ended; `list` and `status` read it. Measure it, if its start was."""
    from podwright.stage1.namespaces.record import apps_json

    record = {
        "finished": clock.now(),
        "status": outcome.status,
        "reason": outcome.reason,
        "apps": outcome.apps,
        "records": apps_json(outcome.records),
        "error": error,
    }
    fs.write_atomic(f"{path}/exited", jsonio.dumps(record).encode(), 0o640, durable=False)
    if not os.path.lexists(f"{path}/measured"):
        return outcome
    from podwright.tpm import pods as measured

    said = measured.ended(path, outcome.status, outcome.reason)
    return replace(outcome, notes=(*outcome.notes, *said))


def _worker(net: str, stage1: str) -> Optional[NetWorker]:
    """Fork the network worker, still without work; None when the pod needs none of ours."""
    if net in ("none", "host") or stage1 == "image":
        return None
    from podwright.net.worker import NetWorker

    return NetWorker()


def _allow(manifest: PodManifest) -> tuple[dict[str, Any], ...]:
    """The pod's own rules, which its manifest carries."""
    if all(name != "podwright.io/allow" for name, _ in manifest.annotations):
        return ()
    from podwright.model import podrules

    rules = podrules.of_annotations(manifest.annotations, "pod manifest")
    return tuple(podrules.dump(rules))


def _request(layout: Layout, launch: Launch, after: str) -> NetRequest:
    """What the pod asks of the network; it holds that while the pod is locked in `run`."""
    from podwright.net.ports import plan_ports
    from podwright.net.values import NetRequest

    limit = _limit(launch.manifest, launch.net)
    return NetRequest(
        uuid=launch.uuid,
        name=launch.name,
        nets=launch.net,
        ports=plan_ports(launch.manifest),
        net_dir=layout.net,
        alive=f"{layout.pods}/{pods.RUN}",
        hostname=launch.hostname,
        apps=tuple(app.name for app in launch.manifest.apps),
        conf_dirs=layout.net_dirs(),
        plugin_dirs=layout.net_plugins,
        hosts=launch.etc.taken,
        allow=_allow(launch.manifest),
        bandwidth=limit.rate if limit is not None else 0,
        bandwidth_optional=limit is not None and limit.optional,
        after=after,
    )


def _limit(manifest: PodManifest, net: str) -> Optional[Bandwidth]:
    """How much the pod may send and receive; None when nobody said. Raises LaunchError."""
    asked = (manifest.isolators, *(app.app.isolators for app in manifest.apps))
    if all(one.network_bandwidth is None for one in asked):
        return None
    from podwright.model import bandwidth

    return bandwidth.of(manifest, net)
