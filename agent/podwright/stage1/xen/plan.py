# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod's domain is made of, and the domain. Pure."""

from __future__ import annotations

from podwright.host.cgrouplimits import Limits
from podwright.stage1.kvm import parameters
from podwright.stage1.kvm.domain import LETTERS
from podwright.stage1.xen.machine import Disk, Domain, Vif
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.kvm.sizing import Size
    from podwright.stage1.xen.machine import Settings

MIB = 1 << 20
IN_DOM0 = Limits(memory=256 * MIB, pids=128, optional=frozenset(("memory", "pids")))
"""What keeper and QEMU of a pod may use: QEMU keeps what a guest asks it to keep, without any end. The domain's
own memory is the hypervisor's. Where there is no such control group, that is a note.
"""


@value
class Held:
    """What the keeper knows of the process that holds its domain.

    socket   a descriptor of the keeper's that leads there, see `holder`
    macs     hardware addresses of the domain's network devices, one for each link of the pod
    type     of the domain
    backend  of its network devices: the name of a domain, or ""
    """

    socket: int
    macs: tuple[str, ...]
    type: str
    backend: str = ""


def domain(
    uuid: str,
    kernel: str,
    initrd: str,
    size: Size,
    settings: Settings,
    macs: tuple[str, ...],
) -> Domain:
    """The domain of a pod, still without disks."""
    modules = ("xen_netfront",) if macs else ()
    return Domain(
        uuid=uuid,
        name=f"podwright-{uuid}",
        type=settings.type,
        memory=size.memory,
        cpus=size.cpus,
        kernel=kernel,
        initrd=initrd,
        parameters=words(settings, modules),
        vifs=tuple(Vif(mac, settings.network_backend, settings.network_bridge) for mac in macs),
    )


def words(settings: Settings, modules: tuple[str, ...]) -> tuple[str, ...]:
    """Of its kernel's command line."""
    return parameters.words(parameters.XEN, parameters.HVC, settings.parameters, modules)


def with_disks(found: Domain, disks: tuple[Disk, ...], settings: Settings) -> Domain:
    """The same domain with disks."""
    if not disks:
        return found
    modules = (*(("xen_netfront",) if found.vifs else ()), "xen_blkfront")
    return replace(found, disks=disks, parameters=words(settings, modules))


def disk_name(number: int) -> str:
    """Of the disk of this number in the guest: xvda, ..., xvdz, xvdaa, ..."""
    return f"xvd{_letters(number)}"


def _letters(number: int) -> str:
    first, last = divmod(number, len(LETTERS))
    return (_letters(first - 1) if first else "") + LETTERS[last]
