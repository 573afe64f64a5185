# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a prepared pod by a stage1 image that keeps the published contract (docs/stage1.md).

This process stays the pod's parent: it mounts the roots in a mount namespace of its own, starts the entry
point `run` as a child, and stays with the pod until its end. If it is killed, so is that child; what the
stage1 has made besides is found by its control group.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import HostError
from podwright.host import cgroups, leftovers, uidranges
from podwright.kernel import fs
from podwright.model.pod import MUTABLE as MUTABLE_POD
from podwright.model.pod import dump_pod
from podwright.stage1.contract import GIVEN, IMAGE
from podwright.stage1.external import contract, limits, outputs, program, roots
from podwright.stage1.external.contract import Wish
from podwright.stage1.external.follow import Life
from podwright.stage1.fly.leftovers import Leftovers
from podwright.stage1.namespaces import record
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.host.uidranges import Range
    from podwright.net.worker import NetWorker
    from podwright.stage1.contract import Launch, OnReady, OnReport, Outcome, Stage1Image
    from podwright.stage1.external.contract import Contract

READINESS = "podwright.io/stage1/readiness"
"""An annotation of ours: `alive` for a stage1 that never says that its pod is ready."""
ALIVE = "alive"
MUTABLE = MUTABLE_POD[0]


def launch(
    pod: Launch,
    on_ready: OnReady,
    network: Optional[NetWorker] = None,
    on_report: Optional[OnReport] = None,
    again: tuple[str, ...] = (),
) -> Outcome:
    """Run a pod to its end and take everything of it down again.

    on_ready   called once, in this process, when the stage1 says that the pod is ready
    network, again   not used: the stage1 makes the network
    on_report  called with each sentence about protection that was found missing
    Must be called from the main thread. Raises LaunchError or HostError when the pod could not be run.
    """
    assert pod.stage1_image is not None and network is None
    try:
        return _launch(pod, pod.stage1_image, on_ready, on_report)
    except OSError as err:
        raise HostError(
            f"pod {pod.uuid}: {safe(err)}", "see the failed call with --debug", object=pod.uuid
        ) from err


def _launch(
    pod: Launch, image: Stage1Image, on_ready: OnReady, on_report: Optional[OnReport]
) -> Outcome:
    stage1 = contract.parse(image.name, image.annotations)
    limits.check(pod)
    contract.run_arguments(stage1, _wish(pod))  # what it cannot be told is refused first
    group = cgroups.plan(f"podwright-{pod.uuid}", {}, limits.of_pod(pod), frozenset((pod.pod_dir,)))
    record.write(pod.pod_dir, 0, group.directories())  # before they exist: gc reads it
    life: Optional[Life] = None
    left: Optional[Leftovers] = None
    users: Optional[Range] = None
    try:
        group.make()
        users = _range(pod) if pod.private_users else None
        roots.own_mounts()
        roots.build(pod, image.trees, users.first if users is not None else 0)
        _write(pod, image, stage1)
        life = Life(pod, group, on_ready, on_report)
        life.link = image.says(READINESS) != ALIVE
        life.mutable = MUTABLE_POD in pod.manifest.annotations
        life.patience = pod.ready.timeout if pod.name else 0.0
        told = contract.run_arguments(stage1, _wish(pod, users, _token(pod)))
        life.reported(*pod.reports, *group.notes, *told.reports)
        left = Leftovers(group)
        if pod.measuring is not None:
            life.reported(*pod.measuring.wait())
        _start(pod, life, group, told.arguments)
        return life.follow()
    finally:
        _end(pod, life, left, group)
        if users is not None:
            users.release(keep=True)


def _wish(pod: Launch, users: Optional[Range] = None, token: str = "") -> Wish:
    """What the stage1 is told."""
    hosts = "stage0" if pod.etc.hosts == GIVEN else "default"
    resolv = {GIVEN: "stage0", IMAGE: "none"}.get(pod.etc.resolv, "default")
    said = pod.given
    explicit = ("dns-conf-mode", *(("hostname",) if said.hostname else ()))
    return Wish(
        pod.uuid,
        net=pod.net,
        debug=said.debug,
        interactive=pod.interactive,
        private_users=f"{users.first}:{uidranges.COUNT}" if users is not None else "",
        mds_token=token,
        local_config=said.local_config,
        hostname=pod.hostname,
        insecure=pod.insecure & frozenset(contract.RESTRICTIONS),
        dns=(resolv, hosts),
        mutable=MUTABLE_POD in pod.manifest.annotations,
        ipc=said.ipc,
        explicit=frozenset(explicit),
    )


def _token(pod: Launch) -> str:
    """What the pod is known by to the metadata service, where it is to be registered."""
    if not pod.metadata:
        return ""
    from podwright.metadata import client

    return client.register(pod.metadata, pod.uuid, pod.pod_dir).rpartition("/")[2]


def _range(pod: Launch) -> Range:
    """User ids of the pod's own, which its files on disk belong to from now on."""
    before = uidranges.of(pod.pod_dir)
    pods = os.path.dirname(os.path.dirname(pod.pod_dir))
    users = uidranges.take(pod.users_dir, pods, pod.uuid, only=before[0] if before else 0)
    text = f"{users.first}:{uidranges.COUNT}\n".encode()
    for name in (uidranges.PREPARED, uidranges.COPIED):
        fs.write_atomic(f"{pod.pod_dir}/{name}", text, 0o644, durable=False)
    return users


def _write(pod: Launch, image: Stage1Image, stage1: Contract) -> None:
    """What the contract wants to have beside the roots, and what we need to know later."""
    names = [name for name, _ in pod.manifest.annotations]
    if MUTABLE not in names:
        manifest = replace(
            pod.manifest, annotations=(*pod.manifest.annotations, (MUTABLE, "false"))
        )
        data = jsonio.dumps(dump_pod(manifest)).encode()
        fs.write_atomic(f"{pod.pod_dir}/pod", data, 0o640, durable=False)
    fs.write_atomic(f"{pod.pod_dir}/stage1TreeStoreID", image.id.encode(), 0o640, durable=False)
    program.record(pod.pod_dir, image.manifest, program.find(pod.pod_dir, stage1))


def _start(pod: Launch, life: Life, group: PodCgroup, arguments: tuple[str, ...]) -> None:
    """Execute `run`."""
    stage1 = program.contract_of(pod.pod_dir)
    variables = program.environment(
        {
            "RKT_LOCK_FD": str(pod.lock_fd),
            "RKT_SELINUX_CONTEXT": "",
            "RKT_SELINUX_MOUNT_CONTEXT": "",
        }
    )
    streams = outputs.Streams(pod)
    life.streams = streams
    files = tuple(group.init_files())

    def find() -> tuple[str, ...]:
        path = program.known(pod.pod_dir, stage1, contract.RUN)
        program.join(files)
        os.setsid()
        streams.enter()
        return (path, *arguments)

    def stop() -> int:
        def find_stop() -> tuple[str, ...]:
            os.setsid()
            path = program.known(pod.pod_dir, stage1, contract.STOP)
            return (path, *contract.stop_arguments(pod.uuid, force=False))

        return program.spawn(find_stop, program.environment({}), pod.pod_dir)

    life.stop = stop if contract.STOP in stage1.points else None
    life.take_signals()
    life.started(program.spawn(find, variables, pod.pod_dir, frozenset((pod.lock_fd,))))
    streams.forked()


def _end(pod: Launch, life: Optional[Life], left: Optional[Leftovers], group: PodCgroup) -> None:
    """Nothing of the pod runs any more after this, and nothing of it is mounted."""
    try:
        if left is not None:
            left.end(life.streams.pid if life is not None and life.streams is not None else 0)
            left.close()
        leftovers.end(group.directories())
        if life is not None:
            life.end()
    finally:
        group.remove()
        roots.take_down(pod.pod_dir)
