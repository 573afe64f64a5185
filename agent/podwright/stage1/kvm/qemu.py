# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine as QEMU's command line (qemu(1)). Pure.

Each device is a small value of its own, an option's name with its properties, and only `_option` makes text
of it. Names that users chose do not occur at all: devices are numbered. What remains is checked character
by character, and a comma, which would begin another property, is doubled as QEMU wants it.
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.model.names import DIGITS, LETTERS, is_uuid
from podwright.stage1.kvm import plain
from podwright.stage1.kvm.machine import KVM, MICROVM, NINEP, Q35, TCG
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.kvm.machine import Disk, End, Machine, Nic, Share

QEMU = "qemu-system-x86_64"
MODERN = "virtio-mmio.force-legacy=false"
"""Virtio 1.0, which is all that virtiofsd speaks."""
PORT = "podwright.0"
"""The name of the channel's port within the guest."""
TRANSLATED = 24
"""MiB of translated code that TCG keeps: its default is a gigabyte, and a boot with twice as much is not faster."""
DENIED = ("obsolete", "elevateprivileges", "spawn", "resourcecontrol")
"""What QEMU's own system call filter denies (B13)."""
PATHS = LETTERS + DIGITS + "/._-+:,@"
PARAMETERS = LETTERS + DIGITS + "_.-=,:/@+"
MODELS = {
    KVM: ("host", (("vmx", "off"), ("svm", "off"))),  # no machines within machines
    TCG: ("max", (("erms", "off"),)),  # copied by bytes: a tenth of a boot, emulated
}
KINDS = {
    MICROVM: (
        # without a clock the kernel looks for one for a second; without ACPI qboot is the firmware
        *(("pit", "on"), ("pic", "on"), ("rtc", "on"), ("acpi", "on")),
        *(("isa-serial", "on"), ("auto-kernel-cmdline", "on"), ("x-option-roms", "off")),
    ),
    Q35: (("usb", "off"), ("vmport", "off"), ("hpet", "off"), ("smbus", "off"), ("sata", "off")),
}


@value
class Option:
    """One option: its name, the first word of its argument, and properties (name, text)."""

    name: str
    first: str = ""
    properties: tuple[tuple[str, str], ...] = ()


def command(machine: Machine, program: str = QEMU) -> list[str]:
    """The whole command. Raises HostError for what no option can say."""
    argv = [_checked(program, PATHS, "program")]
    for option in options(machine):
        argv += _rendered(option)
    return argv


def options(machine: Machine) -> list[Option]:
    """All options, in order."""
    return [
        *_base(machine),
        *_kernel(machine),
        *_console(machine),
        *_channel(machine),
        *(each for at, share in enumerate(machine.shares) for each in _share(machine, at, share)),
        *(each for at, nic in enumerate(machine.nics) for each in _nic(machine, at, nic)),
        *(each for at, disk in enumerate(machine.disks) for each in _disk(machine, at, disk)),
    ]


def _base(machine: Machine) -> list[Option]:
    size = f"{plain.number(machine.memory, 'memory of a machine')}M"
    translated = (("tb-size", str(TRANSLATED)),) if machine.accelerator == TCG else ()
    return [
        *(Option("no-user-config"), Option("nodefaults"), Option("no-reboot")),
        Option("display", "none"),
        Option("name", _name(machine)),
        Option("uuid", _uuid(machine)),
        Option("sandbox", "on", tuple((what, "deny") for what in DENIED)),
        Option("machine", machine.kind, (*KINDS[machine.kind], ("memory-backend", "ram"))),
        *((Option("global", MODERN),) if machine.kind == MICROVM else ()),
        Option("accel", machine.accelerator, translated),
        Option("cpu", *MODELS[machine.accelerator]),
        Option("smp", str(plain.number(machine.cpus, "CPUs of a machine"))),
        Option("m", size),
        Option("object", "memory-backend-memfd", (("id", "ram"), ("size", size), ("share", "on"))),
    ]


def _name(machine: Machine) -> str:
    if machine.name != f"podwright-{machine.uuid}":
        raise HostError(f"{safe(machine.name, 80)!r} is not the name of this pod's machine")
    return machine.name


def _uuid(machine: Machine) -> str:
    if not is_uuid(machine.uuid):
        raise HostError(f"{safe(machine.uuid, 80)!r} is not a UUID")
    return machine.uuid


def _kernel(machine: Machine) -> list[Option]:
    words = [_checked(word, PARAMETERS, "kernel parameter") for word in machine.parameters]
    return [
        Option("kernel", _path(machine.kernel)),
        Option("initrd", _path(machine.initrd)),
        Option("append", " ".join(words)),
    ]


def _console(machine: Machine) -> list[Option]:
    return [_socket("console", machine.console), Option("serial", "chardev:console")]


def _channel(machine: Machine) -> list[Option]:
    if machine.cid:
        wanted = (
            ("guest-cid", str(plain.number(machine.cid, "cid of a machine"))),
            ("vhostfd", _fd(machine.channel)),
        )
        return [_device(machine, "vhost-vsock", *wanted)]
    return [
        _socket("channel", machine.channel),
        _device(machine, "virtio-serial", ("id", "ports"), ("max_ports", "2")),
        Option("device", "virtserialport", (("chardev", "channel"), ("name", PORT))),
    ]


def _share(machine: Machine, at: int, share: Share) -> list[Option]:
    tag = _checked(share.tag, LETTERS + DIGITS + "-", "share's tag")
    if len(tag) > 31:
        raise HostError(f"the share's tag {tag} has more than 31 bytes")
    if share.kind == NINEP:
        where = (
            ("path", _path(share.end.path)),
            ("security_model", "none"),
            ("multidevs", "remap"),
        )
        only = (("readonly", "on"),) if share.read_only else ()
        return [
            Option("fsdev", "local", (("id", f"share{at}"), *where, *only)),
            _device(machine, "virtio-9p", ("fsdev", f"share{at}"), ("mount_tag", tag)),
        ]
    return [
        _socket(f"share{at}", share.end),
        _device(machine, "vhost-user-fs", ("chardev", f"share{at}"), ("tag", tag)),
    ]


def _nic(machine: Machine, at: int, nic: Nic) -> list[Option]:
    fds = (("fd", _fd(nic.end)),)
    vhost = [("vhost", "off")]
    if nic.vhost >= 0:
        vhost = [("vhost", "on"), ("vhostfd", str(nic.vhost))]
    shown: tuple[tuple[str, str], ...] = (("mac", plain.mac(nic.mac)),)
    if nic.mtu:
        shown = (*shown, ("host_mtu", str(plain.number(nic.mtu, "MTU of a machine"))))
    return [
        Option("netdev", "tap", (("id", f"nic{at}"), *fds, *vhost)),
        _device(machine, "virtio-net", ("netdev", f"nic{at}"), *shown),
    ]


def _disk(machine: Machine, at: int, disk: Disk) -> list[Option]:
    """A block device is what it is: what its first bytes look like is never asked (T79)."""
    serial = _checked(disk.serial, LETTERS + DIGITS + "-", "disk's serial")
    if len(serial) > 20:
        raise HostError(f"the disk's serial {serial} has more than 20 bytes")
    only = ("read-only", "on" if disk.read_only else "off")
    group = str(at + 1)
    device = (("driver", "host_device"), ("filename", f"/dev/fdset/{group}"), ("locking", "off"))
    file = tuple((f"file.{key}", text) for key, text in (*device, only, ("auto-read-only", "off")))
    return [
        Option("add-fd", "", (("fd", _fd(disk.end)), ("set", group))),
        Option("blockdev", "", (("node-name", f"disk{at}"), ("driver", "raw"), only, *file)),
        _device(machine, "virtio-blk", ("drive", f"disk{at}"), ("serial", serial)),
    ]


def _socket(name: str, end: End) -> Option:
    return Option("chardev", "socket", (("id", name), ("fd", _fd(end))))


def _device(machine: Machine, driver: str, *properties: tuple[str, str]) -> Option:
    """A virtio device on the machine's own bus; on PCI without a ROM of its own."""
    if machine.kind == MICROVM:
        return Option("device", f"{driver}-device", properties)
    rom = (("romfile", ""),) if driver == "virtio-net" else ()
    return Option("device", f"{driver}-pci", (*properties, *rom))


def _fd(end: End) -> str:
    if end.fd < 0 or end.path:
        raise HostError("a device of a machine that QEMU runs is connected by a descriptor")
    return str(end.fd)


def _path(text: str) -> str:
    return plain.path(text, PATHS, "path of a machine")


def _checked(text: str, characters: str, what: str) -> str:
    return plain.checked(text, characters, f"{what} of a machine")


def _rendered(option: Option) -> list[str]:
    """Words of the command line: the only place where text is put together."""
    if option.name in ("kernel", "initrd", "append"):
        return [
            f"-{option.name}",
            option.first,
        ]  # these are no lists of properties: a comma is a comma
    parts = [_doubled(option.first)] if option.first else []
    parts += [f"{name}={_doubled(text)}" for name, text in option.properties]
    return [f"-{option.name}", ",".join(parts)] if parts else [f"-{option.name}"]


def _doubled(text: str) -> str:
    return text.replace(",", ",,")
