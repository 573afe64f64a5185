# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain as libvirt's XML for its driver of Xen (https://libvirt.org/formatdomain.html). Pure.

Made of elements and written by a serializer, as `stage1.kvm.domain` does it: no text becomes markup (T81).
"""

from __future__ import annotations

from xml.etree import ElementTree

from podwright.stage1.kvm.domain import about, put
from podwright.stage1.xen import cfg
from podwright.stage1.xen.machine import PV

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from podwright.stage1.xen.machine import Disk, Domain, Vif

MACHINES = {PV: ("linux", "xenpv")}
OTHERS = ("xenpvh", "xenpvh")


def xml(domain: Domain, pod: str = "", version: str = "") -> str:
    """The domain's description; `pod`: its name, or "". Raises HostError for what it cannot say."""
    cfg.check(domain)
    root = ElementTree.Element("domain", {"type": "xen"})
    put(root, "name", domain.name)
    put(root, "uuid", domain.uuid)
    about(root, domain.uuid, pod, version)
    put(root, "memory", str(domain.memory), unit="MiB")
    put(root, "vcpu", str(domain.cpus))
    _boot(root, domain)
    for event in ("on_poweroff", "on_reboot", "on_crash"):
        put(root, event, "destroy")
    devices = put(root, "devices")
    put(put(devices, "console", type="pty"), "target", type="xen", port="0")
    for vif in domain.vifs:
        _vif(devices, vif)
    for disk in domain.disks:
        _disk(devices, disk)
    return ElementTree.tostring(root, encoding="unicode")


def _boot(root: Element, domain: Domain) -> None:
    kind, machine = MACHINES.get(domain.type, OTHERS)
    os = put(root, "os")
    put(os, "type", kind, arch="x86_64", machine=machine)
    put(os, "kernel", domain.kernel)
    put(os, "initrd", domain.initrd)
    put(os, "cmdline", " ".join(domain.parameters))


def _vif(devices: Element, vif: Vif) -> None:
    found = put(devices, "interface", type="bridge" if vif.backend else "ethernet")
    put(found, "mac", address=vif.mac)
    if vif.backend:
        put(found, "source", bridge=vif.bridge)
        put(found, "backenddomain", name=vif.backend)
    else:
        put(found, "script", path=cfg.NOTHING)


def _disk(devices: Element, disk: Disk) -> None:
    """Raw, whatever its first bytes look like (T79)."""
    found = put(devices, "disk", type="block", device="disk")
    put(found, "driver", name="phy", type="raw")
    put(found, "source", dev=disk.path)
    put(found, "target", dev=disk.name, bus="xen")
    if disk.read_only:
        put(found, "readonly")
