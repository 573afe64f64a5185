# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's domain of Xen, as values: rendered by `cfg` (for xl) and by `domain` (for libvirt). Pure.

Console, channel and files are not in it: their devices are made by us (`devices`), for a QEMU of ours.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

PV, PVH = "pv", "pvh"
TYPES = (PV, PVH)
AUTO, LIBVIRT, XL = "auto", "libvirt", "xl"
RUNNERS = (AUTO, LIBVIRT, XL)


@value
class Vif:
    """A network device. `backend`: the domain that connects it, with a bridge of its own there; "": dom0,
    where nothing is done to it, and we take it.
    """

    mac: str
    backend: str = ""
    bridge: str = ""


@value
class Disk:
    """A block device of dom0's. `name`: in the guest, such as xvda."""

    name: str
    path: str
    read_only: bool = False


@value
class Domain:
    """A whole domain.

    name        podwright-<uuid>
    type        PV or PVH
    memory      MiB
    kernel, initrd    paths of dom0
    parameters  of the kernel, each a word
    """

    uuid: str
    name: str
    type: str
    memory: int
    cpus: int
    kernel: str
    initrd: str
    parameters: tuple[str, ...]
    vifs: tuple[Vif, ...] = ()
    disks: tuple[Disk, ...] = ()


@value
class Settings:
    """What an administrator says about domains: files of `xen.d`.

    runner           AUTO (libvirt where its driver for Xen answers, else xl), LIBVIRT or XL
    type             PV, which every processor runs, or PVH, which needs virtualisation extensions
    overhead         MiB besides the limits of apps; None: `sizing.OVERHEAD`
    parameters       further words for the kernel's command line
    network_backend  name of the domain that connects all networks of pods; "": dom0
    network_bridge   the bridge there
    qemu             path of the program that serves files and consoles; "": where it usually is
    """

    runner: str = AUTO
    type: str = PV
    overhead: Optional[int] = None
    parameters: tuple[str, ...] = ()
    network_backend: str = ""
    network_bridge: str = ""
    qemu: str = ""
