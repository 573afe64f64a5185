# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first file system of a guest, without code of ours: that is the host's, and comes at each start
(`stage1/kvm/initrd.py`).
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.stage0.stage1build import kmodules
from podwright.stage1.kvm import cpio
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
DIRECTORIES = ("dev", "proc", "sys", "run", "tmp", "pod", "agent", "modules")


@value
class Base:
    """The archive, and the modules in it, in the order in which they are loaded."""

    data: bytes
    modules: tuple[str, ...]


def make(kernel: Kernel, python: Interpreter) -> Base:
    """Put it together. Raises HostError when the kernel lacks what every pod needs."""
    chosen = modules(kernel)
    nodes = [
        *(cpio.directory(name) for name in DIRECTORIES),
        cpio.device("dev/console", 5, 1),
        cpio.device("dev/null", 1, 3, 0o666),
        *python.nodes,
        cpio.file("modules/index", kmodules.index(chosen)),
        *(cpio.file(f"modules/{one.name}.ko", one.data) for one in chosen),
    ]
    data = b"".join(cpio.archive(cpio.with_parents(nodes)))
    return Base(data, tuple(one.name for one in chosen))


def modules(kernel: Kernel) -> list[kmodules.Module]:
    """The modules, ordered, with what they need."""
    built_in = kernel.modules.built_in()
    out = kmodules.ordered((*BUSES, *NEEDED, *USEFUL), kernel.modules.load, built_in)
    there = {one.name for one in out} | built_in
    missing = [name for name in NEEDED if name not in there]
    if not there.intersection(BUSES):
        missing.append(" or ".join(BUSES))
    if missing:
        raise HostError(
            f"kernel {kernel.release} has no {', '.join(missing)}",
            "take a kernel that is made for virtual machines",
            object=kernel.release,
        )
    return out
