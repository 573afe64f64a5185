# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parent of a pod finds out before its domain can be started, as `kvm.prepare` does for a machine."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.host import selinux
from podwright.stage1.kvm import bundle, initrd, sizing
from podwright.stage1.kvm.machine import Settings as Machines
from podwright.stage1.kvm.plan import Parts, grouped
from podwright.stage1.kvm.prepare import READABLE, labelled, wires_of
from podwright.stage1.kvm.virtiofsd import Server
from podwright.stage1.xen import holder, qemu, xl
from podwright.stage1.xen.machine import Settings
from podwright.stage1.xen.plan import IN_DOM0, Held, domain
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.model.pod import PodManifest
    from podwright.net.worker import NetWorker
    from podwright.stage1.contract import Launch
    from podwright.stage1.kvm.sizing import Size
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.init import Run

MOST_CPUS = 512
ALLOW = "podwright.io/allow"
NOBODY = Server("", "")
"""QEMU serves the files itself."""


def road(
    pod: Launch, plan: PodPlan, cache: str, network: Optional[NetWorker]
) -> tuple[PodPlan, Run, holder.Held]:
    """What the pod's control groups are made for, what its PID 1 does, and who holds its domain.

    Raises LaunchError, HostError.
    """
    from podwright.stage1.kvm import keeper, nic

    settings = pod.xen or Settings()
    _check(pod, plan, settings)
    image = pod.stage1_image
    assert image is not None
    wires = wires_of(network)
    program = qemu.find(settings.qemu)
    found = bundle.read(image.id, image, image.trees[0], kind=bundle.XEN)
    bundle.check_files(found)
    size = _size(plan, settings)
    macs = tuple(nic.new_mac() for _ in wires)
    first = initrd.prepare(found, f"{cache}/machines", READABLE)
    wanted = domain(plan.uuid, found.kernel, first, size, settings, macs)
    made = labelled(
        Parts(found.kernel, first, Machines(), size, program, NOBODY, wires, pod=pod.name), plan
    )
    held = holder.start(wanted, settings, pod.name, os.path.dirname(pod.net_dir))
    own = Held(held.keeper, macs, settings.type, settings.network_backend)

    def run(
        plan: PodPlan, filters: dict[str, bytes], group: PodCgroup, link: Inside
    ) -> tuple[int, str]:
        return keeper.run(replace(made, xen=own), plan, filters, link)

    return grouped(plan, IN_DOM0), run, held


def _check(pod: Launch, plan: PodPlan, settings: Settings) -> None:
    """Refuse what no domain can be made for. Raises LaunchError."""
    if pod.stage1_image is None:
        raise LaunchError("a pod of stage1 xen needs a stage1 image", "prepare it anew")
    if plan.users is None:
        raise LaunchError(
            "a pod in a domain of Xen needs a user namespace, in which its files are served",
            "podwright check-host says what is missing",
            reason="no-private-users",
        )
    if plan.label is not None:
        check_labels(enforces=selinux.enforcing())
    if settings.network_backend:
        check_backend(pod.manifest, settings.network_backend)


def check_labels(*, enforces: bool) -> None:
    """Refuse a label that no domain would start with: its QEMU opens the pod's files. Raises LaunchError."""
    if enforces:
        raise LaunchError(
            "this host's SELinux enforces its policy, which has no rules for what serves a domain of Xen"
            " its files",
            "run the pod in a virtual machine (kvm) or in namespaces; or say selinux: off, and the pod"
            " has no label",
            reason="selinux",
        )


def check_backend(manifest: PodManifest, backend: str) -> None:
    """Refuse what dom0 does for a network that it does not see. Raises LaunchError."""
    ports = "ports cannot be published" if manifest.ports else ""
    rules = "allow has no effect" if any(name == ALLOW for name, _ in manifest.annotations) else ""
    for what in filter(None, (ports, rules)):
        raise LaunchError(
            f"{what}: the domain {backend} connects networks of pods (xen.d), and what they send and"
            " receive does not come through dom0",
            "leave that out, or network_backend of xen.d",
            object=backend,
        )


def _size(plan: PodPlan, settings: Settings) -> Size:
    """dom0 need not have all processors that there are, and the hypervisor is asked only where that matters."""
    own = os.cpu_count() or 1
    found = sizing.size(plan, MOST_CPUS, settings.overhead)
    return found if found.cpus <= own else sizing.size(plan, max(own, xl.cpus()), settings.overhead)
