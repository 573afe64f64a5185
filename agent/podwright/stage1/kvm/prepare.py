# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parent of a pod finds out before its machine can be started: kernel, first file system, size."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.stage1.kvm import bundle, helpers, initrd, sizing, virtiofsd
from podwright.stage1.kvm.machine import KVM, Settings
from podwright.stage1.kvm.plan import Parts, grouped
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.net.worker import NetWorker
    from podwright.stage1.contract import Launch
    from podwright.stage1.kvm.nic import Wire
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage2.init import Run

READABLE = 0o644
"""QEMU is nobody."""


def road(
    pod: Launch, plan: PodPlan, cache: str, network: Optional[NetWorker]
) -> tuple[PodPlan, Run]:
    """What the pod's control groups are made for, and what its PID 1 does. Raises LaunchError, HostError."""
    from podwright.stage1.kvm import keeper

    wires = wires_of(network)
    made = parts(pod, plan, cache, wires)

    def run(
        plan: PodPlan, filters: dict[str, bytes], group: PodCgroup, link: Inside
    ) -> tuple[int, str]:
        return keeper.run(made, plan, filters, link)

    return grouped(plan), run


def wires_of(network: Optional[NetWorker]) -> tuple[Wire, ...]:
    """The links that the pod is going to have."""
    request = network.request if network is not None else None
    if request is None:
        return ()
    from podwright.stage1.kvm import nic

    return nic.expect(request.nets, request.conf_dirs)


def parts(pod: Launch, plan: PodPlan, cache: str, wires: tuple[Wire, ...]) -> Parts:
    """All of them. Raises LaunchError, HostError."""
    image = pod.stage1_image
    if image is None:
        raise LaunchError("a pod of stage1 kvm needs a stage1 image", "prepare it anew")
    if plan.users is None:
        raise LaunchError(
            "a pod in a virtual machine needs a user namespace, in which its files are served",
            "podwright check-host says what is missing",
            reason="no-private-users",
        )
    settings = pod.kvm or Settings()
    programs = (helpers.find_qemu(settings.qemu), virtiofsd.find(settings.virtiofsd))
    found = bundle.read(image.id, image, image.trees[0])
    bundle.check_files(found)
    size = sizing.size(plan, os.cpu_count() or 1, settings.overhead)
    first = initrd.prepare(found, f"{cache}/machines", READABLE)
    named = Parts(found.kernel, first, settings, size, *programs, wires, _words(settings), pod.name)
    named = labelled(named, plan)
    if settings.runner == "qemu":
        return named
    from podwright.stage1.kvm import libvirtplace

    return replace(named, libvirt=libvirtplace.use(settings.runner))


def labelled(found: Parts, plan: PodPlan) -> Parts:
    """With what the host's SELinux calls the helpers of a machine, where the pod has a label."""
    if plan.label is None:
        return found
    from podwright.stage1.kvm import label

    given = label.of_machine(plan.label)
    label.let_read((found.kernel, found.initrd), plan.label)
    return replace(found, label=given.process, server_label=given.server, jail_label=given.jail)


def _words(settings: Settings) -> tuple[str, ...]:
    """How fast time goes, for a machine that is emulated (`kernel.tsc`)."""
    if settings.accelerator == KVM:
        return ()
    from podwright.kernel import tsc

    khz = tsc.khz()
    return (f"tsc_early_khz={khz}",) if khz else ()
