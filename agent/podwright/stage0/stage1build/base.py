# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first file system of a guest, without code of ours: that is the host's, and comes at each start
(`stage1/kvm/initrd.py`).
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.stage0.stage1build import kmodules
from podwright.stage1.kvm import cpio
from podwright.stage1.kvm.bundle import KVM, XEN
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage0.stage1build.interpreter import Interpreter
    from podwright.stage0.stage1build.kernelsource import Kernel

NEEDED = ("virtio_console", "virtio_net", "virtiofs")
"""Without one of them there is no pod: the channel, the network, the files."""
BUSES = ("virtio_mmio", "virtio_pci")
"""How devices are found, of microvm and q35; one of them must be there."""
USEFUL = (
    "virtio_blk",  # volumes that are block devices
    "vmw_vsock_virtio_transport",  # the channel, where the host has vsock
    "9pnet_virtio",  # files without virtiofsd; no pod asks for that yet
    "9p",
    "overlay",  # pods whose writable layers lie in the guest
    "virtio_rng",  # randomness of the host's
    "virtio_balloon",  # memory that is given back
)
"""What is put in where the kernel has it."""
XEN_NEEDED = ("9p", "9pnet_xen", "xen_netfront")
"""The same of Xen's guests, whose buses and consoles are parts of the kernel."""
XEN_USEFUL = ("xen_blkfront", "xen_wdt")
"""Volumes that are block devices; who ends a guest that cannot end itself."""
WANTED = {KVM: (*BUSES, *NEEDED, *USEFUL), XEN: (*XEN_NEEDED, *XEN_USEFUL)}
DIRECTORIES = ("dev", "proc", "sys", "run", "tmp", "pod", "agent", "modules")


@value
class Base:
    """The archive, the modules in it, in the order in which they are loaded, and whose machines it is for."""

    data: bytes
    modules: tuple[str, ...]
    kinds: tuple[str, ...] = (KVM,)


def make(kernel: Kernel, python: Interpreter, kind: str = KVM) -> Base:
    """Put it together. Raises HostError when the kernel lacks what every pod of this kind needs."""
    kinds, chosen = modules(kernel, kind)
    nodes = [
        *(cpio.directory(name) for name in DIRECTORIES),
        cpio.device("dev/console", 5, 1),
        cpio.device("dev/null", 1, 3, 0o666),
        cpio.device("dev/urandom", 1, 9, 0o666),  # Python does not start without randomness
        *python.nodes,
        cpio.file("modules/index", kmodules.index(chosen)),
        *(cpio.file(f"modules/{one.name}.ko", one.data) for one in chosen),
    ]
    data = b"".join(cpio.archive(cpio.with_parents(nodes)))
    return Base(data, tuple(one.name for one in chosen), kinds)


def modules(kernel: Kernel, kind: str = KVM) -> tuple[tuple[str, ...], list[kmodules.Module]]:
    """Whose machines the kernel can be that of, and the modules for them, ordered, with what they need."""
    built_in = kernel.modules.built_in()

    def collected(kinds: tuple[str, ...]) -> list[kmodules.Module]:
        names = [name for each in kinds for name in WANTED[each]]
        return kmodules.ordered(names, kernel.modules.load, built_in)

    every = tuple(WANTED)
    out = collected(every)
    there = {one.name for one in out} | built_in
    missing = {each: _missing(each, there) for each in every}
    if missing[kind]:
        raise HostError(
            f"kernel {kernel.release} has no {', '.join(missing[kind])}",
            "take a kernel that is made for virtual machines"
            if kind == KVM
            else "take the distribution's full kernel, as linux-image-amd64",
            object=kernel.release,
        )
    kinds = tuple(each for each in every if not missing[each])
    return kinds, out if kinds == every else collected(kinds)


def _missing(kind: str, there: set[str]) -> list[str]:
    """What a kernel with these lacks."""
    needed = NEEDED if kind == KVM else XEN_NEEDED
    missing = [name for name in needed if name not in there]
    if kind == KVM and not there.intersection(BUSES):
        missing.append(" or ".join(BUSES))
    return missing
