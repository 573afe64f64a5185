# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's plan, divided between its host and its guest, and the machine for it. Pure.

The guest is told nothing of the host: no path of it, and not where secrets come from.
"""

from __future__ import annotations

from podwright.host.cgrouplimits import Limits
from podwright.stage1.kvm import parameters
from podwright.stage1.kvm.machine import MICROVM, End, Machine, Share
from podwright.stage1.kvm.protocol import SHARE, TAG, Start
from podwright.stage1.namespaces.plan import HERE, THERE
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.kvm.machine import Disk, Nic, Settings
    from podwright.stage1.kvm.nic import Wire
    from podwright.stage1.kvm.protocol import DiskAt
    from podwright.stage1.kvm.sizing import Size
    from podwright.stage1.kvm.virtiofsd import Server
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage1.xen.plan import Held

KERNEL, INITRD = "/machine/kernel", "/machine/initrd"
"""Where QEMU finds them in its jail."""


@value
class Parts:
    """What a machine is made of besides the pod.

    kernel, initrd   files of the host
    qemu, server     programs of the host
    wires            links that the parent makes for it
    words            further ones for its kernel
    pod              the pod's name, or ""
    libvirt          libvirt runs it
    label            SELinux context of QEMU, or ""
    server_label     that of what serves the files
    jail_label       that of the root which both have
    xen              who holds it, where it is a domain of Xen
    """

    kernel: str
    initrd: str
    settings: Settings
    size: Size
    qemu: str
    server: Server
    wires: tuple[Wire, ...] = ()
    words: tuple[str, ...] = ()
    pod: str = ""
    libvirt: bool = False
    label: str = ""
    server_label: str = ""
    jail_label: str = ""
    xen: Optional[Held] = None


@value
class Ends:
    """What a machine is connected with."""

    console: End
    channel: End
    files: End
    nics: tuple[Nic, ...] = ()
    disks: tuple[Disk, ...] = ()


def host(plan: PodPlan) -> PodPlan:
    """The host's half: the roots, and no process but the machine."""
    return replace(plan, machine=HERE, sysctls=(), devices=())


def grouped(plan: PodPlan, most: Optional[Limits] = None) -> PodPlan:
    """What its control groups on the host are made for: limits are held within the machine.

    most  what the pod's processes on the host may use together
    """
    return replace(plan, apps=(), limits=most or Limits(default_pids=None), devices=())


def guest(plan: PodPlan) -> PodPlan:
    """The guest's half."""
    return replace(
        plan,
        machine=THERE,
        root=SHARE,
        pod_dir=SHARE,
        apps=tuple(_app(app) for app in plan.apps),
        volumes=tuple(replace(one, path="", trees=(), image_path="") for one in plan.volumes),
        secrets=tuple(replace(one, source="", credential="") for one in plan.secrets),
        devices=(),
        label=None,
        users=None,
        journal="",
    )


def _app(app: AppPlan) -> AppPlan:
    return replace(
        app,
        trees=(),
        writable="",
        binds=tuple(map(_bind, app.binds)),
        late_binds=tuple(map(_bind, app.late_binds)),
        attributes=(),
    )


def _bind(bind: Bind) -> Bind:
    return replace(bind, source="", label="", memory="")


def start(
    plan: PodPlan, filters: dict[str, bytes], now: int, disks: tuple[DiskAt, ...] = ()
) -> Start:
    """What the guest is to run; the caller adds what it knows of terminals and the manager."""
    return Start(guest(plan), filters, now, disks=disks)


def machine(plan: PodPlan, parts: Parts, ends: Ends, kind: str = MICROVM) -> Machine:
    """The pod's machine, as the host's own QEMU runs it."""
    bus = parameters.MMIO if kind == MICROVM else parameters.PCI
    needed = (("virtio_net", ends.nics), ("virtio_blk", ends.disks))
    modules = tuple(module for module, devices in needed if devices)
    more = (*parts.words, *parts.settings.parameters)
    return Machine(
        uuid=plan.uuid,
        name=f"podwright-{plan.uuid}",
        kind=kind,
        accelerator=parts.settings.accelerator,
        memory=parts.size.memory,
        cpus=parts.size.cpus,
        kernel=KERNEL,
        initrd=INITRD,
        parameters=parameters.words(bus, parameters.SERIAL, more, modules),
        console=ends.console,
        channel=ends.channel,
        shares=(Share(TAG, ends.files),),
        nics=ends.nics,
        disks=ends.disks,
        label=parts.label,
    )


def patience(plan: PodPlan) -> float:
    """Seconds in which a guest that was asked to end does so."""
    return sum(app.stop_timeout for app in plan.apps) + MORE


MORE = 15.0
"""Seconds besides those that the apps have."""
