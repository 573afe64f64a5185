# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A domain as xl's configuration (xl.cfg(5), xl-disk-configuration(5), xl-network-configuration(5)). Pure.

Texts are written as strings of that grammar by one function; what it cannot hold at all is refused (T81). Disks and
network devices are lists of properties within a string, which know no quotes: a value that could be read as another
property is refused, too.
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.model.names import DIGITS, LETTERS, is_uuid
from podwright.stage1.kvm import plain
from podwright.stage1.xen.machine import TYPES
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    from podwright.stage1.xen.machine import Disk, Domain, Vif

    Said = Union[int, str, list[str]]

PREFIX = "podwright-"
NOTHING = "/bin/true"
"""The script of a device in dom0: what is to be done to it, we do."""
PATHS = LETTERS + DIGITS + "/._-+:@"
WORDS = LETTERS + DIGITS + "_.-=,:/@+"
NAMES = LETTERS + DIGITS + "_.-"
EVENTS = ("on_poweroff", "on_reboot", "on_watchdog", "on_crash")


def text(domain: Domain) -> str:
    """The whole configuration. Raises HostError for what it cannot say."""
    return "".join(f"{name} = {_written(said)}\n" for name, said in said_of(domain).items())


def said_of(domain: Domain) -> dict[str, Said]:
    """What is said, by name."""
    check(domain)
    found: dict[str, Said] = {
        "name": domain.name,
        "uuid": domain.uuid,
        "type": domain.type,
        "memory": domain.memory,
        "maxmem": domain.memory,
        "vcpus": domain.cpus,
        "kernel": domain.kernel,
        "ramdisk": domain.initrd,
        "extra": " ".join(domain.parameters),
        "vif": [_vif(vif) for vif in domain.vifs],
        "disk": [_disk(disk) for disk in domain.disks],
    }
    return {**found, **dict.fromkeys(EVENTS, "destroy")}


def check(domain: Domain) -> None:
    """Refuse a domain that no configuration, of whatever form, is to be made of. Raises HostError."""
    if not is_uuid(domain.uuid) or domain.name != f"{PREFIX}{domain.uuid}":
        raise HostError(f"{safe(domain.name, 80)!r} is not the name of this pod's domain")
    if domain.type not in TYPES:
        raise HostError(f"there are no domains of type {safe(domain.type, 40)!r}")
    for number, what in ((domain.memory, "memory"), (domain.cpus, "CPUs")):
        plain.number(number, f"{what} of a domain")
    for path in (domain.kernel, domain.initrd):
        _path(path)
    for word in domain.parameters:
        _checked(word, WORDS, "kernel parameter")
    for vif in domain.vifs:
        plain.mac(vif.mac)
        for name in (vif.backend, vif.bridge):
            _checked(name or "x", NAMES, "name of a domain or a bridge")
    for disk in domain.disks:
        _path(disk.path)
        _checked(disk.name, LETTERS, "name of a disk")


def _vif(vif: Vif) -> str:
    if vif.backend:
        return f"mac={vif.mac},bridge={vif.bridge},backend={vif.backend}"
    return f"mac={vif.mac},script={NOTHING}"


def _disk(disk: Disk) -> str:
    """Raw, whatever its first bytes look like (T79); `target` stands last, as it takes all that follows."""
    access = "ro" if disk.read_only else "rw"
    return f"format=raw,vdev={disk.name},access={access},backendtype=phy,target={disk.path}"


def _written(said: Said) -> str:
    """In xl's grammar."""
    if isinstance(said, list):
        return f"[{', '.join(map(_string, said))}]"
    return _string(said) if isinstance(said, str) else str(said)


def _string(text: str) -> str:
    """Between quotes, which end at the next one that no backslash precedes."""
    for char in text:
        if not 0x20 <= ord(char) < 0x7F:
            raise HostError(f"{safe(text, 100)!r} cannot be part of a domain's configuration")
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _path(text: str) -> str:
    return plain.path(text, PATHS, "path of a domain")


def _checked(text: str, characters: str, what: str) -> str:
    return plain.checked(text, characters, f"{what} of a domain")
