# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine as a domain of libvirt (https://libvirt.org/formatdomain.html). Pure.

Made of elements and written by a serializer: no text becomes markup (T81). What XML cannot hold at all is
refused. There is no device that nobody needs.
"""

from __future__ import annotations

from xml.etree import ElementTree

from podwright.errors import HostError
from podwright.model.names import is_uuid
from podwright.stage1.kvm.machine import KVM, NINEP, Q35, TCG
from podwright.stage1.kvm.qemu import MODELS, PORT, TRANSLATED
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from podwright.stage1.kvm.machine import Disk, End, Machine, Nic, Share

NAMESPACE = "https://podwright.io/xml/pod/1"
"""Of what we say of a pod in its domain's metadata; a name, and nothing that is fetched."""
PREFIX = "podwright-"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def xml(machine: Machine, pod: str = "", version: str = "") -> str:
    """The domain's description.

    pod      name of the pod, or ""
    version  of the agent
    Raises HostError for what no document can hold.
    """
    if not is_uuid(machine.uuid) or machine.name != f"{PREFIX}{machine.uuid}":
        raise HostError(f"{safe(machine.name, 80)!r} is not the name of this pod's machine")
    if machine.kind != Q35:
        raise HostError(f"libvirt runs no machines of type {safe(machine.kind, 40)}")
    root = ElementTree.Element("domain", {"type": "kvm" if machine.accelerator == KVM else "qemu"})
    put(root, "name", machine.name)
    put(root, "uuid", machine.uuid)
    about(root, machine.uuid, pod, version)
    put(root, "memory", str(machine.memory), unit="MiB")
    put(root, "vcpu", str(machine.cpus))
    backing = put(root, "memoryBacking")
    put(backing, "source", type="memfd")
    put(backing, "access", mode="shared")
    _boot(root, machine)
    for event in ("on_poweroff", "on_reboot", "on_crash"):
        put(root, event, "destroy")
    _devices(put(root, "devices"), machine)
    put(root, "seclabel", type="none", model="dac")  # nothing of ours is given another owner
    return ElementTree.tostring(root, encoding="unicode")


def put(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """Another element below `parent`, its texts checked."""
    for each in (text, *attributes.values()):
        _checked(each)
    found = ElementTree.SubElement(parent, tag, attributes)
    if text:
        found.text = text
    return found


def _checked(text: str) -> None:
    """XML 1.0 has no way to write control characters, surrogates and the like."""
    for char in text:
        code = ord(char)
        if (
            code < 0x20
            or 0x7F <= code < 0xA0
            or 0xD800 <= code < 0xE000
            or code in (0xFFFE, 0xFFFF)
        ):
            raise HostError(f"{safe(text, 100)!r} cannot be part of a machine's description")


def about(root: Element, uuid: str, pod: str, version: str) -> None:
    """What we say of the pod."""
    tag = f"{{{NAMESPACE}}}pod"
    said = {"uuid": uuid, "name": pod, "version": version}
    put(put(root, "metadata"), tag, **{key: text for key, text in said.items() if text})


def _boot(root: Element, machine: Machine) -> None:
    """The kernel is started by QEMU's own small firmware: no disk, no menu, no wait."""
    os = put(root, "os")
    put(os, "type", "hvm", arch="x86_64", machine="q35")
    put(os, "kernel", machine.kernel)
    put(os, "initrd", machine.initrd)
    put(os, "cmdline", " ".join(machine.parameters))
    features = put(root, "features")
    put(features, "acpi")
    put(features, "apic")
    put(features, "vmport", state="off")
    if machine.accelerator == TCG:
        put(put(features, "tcg"), "tb-cache", str(TRANSLATED), unit="MiB")
    if machine.accelerator == KVM:
        cpu = put(root, "cpu", mode="host-passthrough", migratable="off")
    else:
        cpu = put(root, "cpu", mode="maximum")
    for name, _ in MODELS[machine.accelerator][1]:
        put(cpu, "feature", policy="disable", name=name)
    put(put(root, "clock", offset="utc"), "timer", name="hpet", present="no")


def _devices(devices: Element, machine: Machine) -> None:
    put(devices, "controller", type="usb", model="none")
    put(devices, "memballoon", model="none")
    serial = put(devices, "serial", type="unix")
    _socket(serial, machine.console)
    put(serial, "target", type="isa-serial", port="0")
    _channel(devices, machine)
    for share in machine.shares:
        _share(devices, share)
    for nic in machine.nics:
        _nic(devices, nic)
    for at, disk in enumerate(machine.disks):
        _disk(devices, at, disk)


def _channel(devices: Element, machine: Machine) -> None:
    if machine.cid:
        vsock = put(devices, "vsock", model="virtio")
        put(vsock, "cid", auto="no", address=str(machine.cid))
        return
    channel = put(devices, "channel", type="unix")
    _socket(channel, machine.channel)
    put(channel, "target", type="virtio", name=PORT)


def _socket(parent: Element, end: End) -> None:
    """QEMU connects to a socket that we listen at."""
    put(parent, "source", mode="connect", path=_path(end))


def _share(devices: Element, share: Share) -> None:
    found = put(devices, "filesystem", type="mount")
    if share.kind == NINEP:
        found.set("accessmode", "passthrough")
        put(found, "driver", type="path")
        put(found, "source", dir=_path(share.end))
    else:
        put(found, "driver", type="virtiofs")
        put(found, "source", socket=_path(share.end))
    put(found, "target", dir=share.tag)
    if share.read_only:
        put(found, "readonly")


def _nic(devices: Element, nic: Nic) -> None:
    """A tap that is there already, which libvirt leaves as it is."""
    found = put(devices, "interface", type="ethernet")
    put(found, "mac", address=nic.mac)
    put(found, "target", dev=nic.end.path, managed="no")
    put(found, "model", type="virtio")
    if nic.mtu:
        put(found, "mtu", size=str(nic.mtu))
    put(found, "rom", enabled="no")


def _disk(devices: Element, at: int, disk: Disk) -> None:
    """Raw, whatever its first bytes look like (T79)."""
    found = put(devices, "disk", type="block", device="disk")
    put(found, "driver", name="qemu", type="raw")
    put(found, "source", dev=_path(disk.end))
    put(found, "target", dev=f"vd{_letters(at)}", bus="virtio")
    put(found, "serial", disk.serial)
    if disk.read_only:
        put(found, "readonly")


def _letters(number: int) -> str:
    first, last = divmod(number, len(LETTERS))
    return (_letters(first - 1) if first else "") + LETTERS[last]


def _path(end: End) -> str:
    if not end.path.startswith("/") or end.fd >= 0:
        raise HostError("a device of a machine that libvirt runs is connected by a path")
    return end.path
