# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's virtual machine, as values: rendered by `qemu` (a command line) and by `domain` (libvirt's XML). Pure.

What a machine reaches of the host comes as descriptors, where QEMU is our child, or as paths of sockets
in a directory of the pod, where libvirt starts it.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

KVM, TCG = "kvm", "tcg"
MICROVM, Q35 = "microvm", "q35"
VIRTIOFS, NINEP = "virtiofs", "9p"


@value
class End:
    """What a device is connected with on the host: an open descriptor, or a path; never both."""

    fd: int = -1
    path: str = ""


@value
class Share:
    """A directory of the host that the guest mounts by its tag; `end`: virtiofsd's socket, for 9p the directory."""

    tag: str
    end: End
    kind: str = VIRTIOFS
    read_only: bool = False


@value
class Nic:
    """A network device. `end`: a tap's queue, or, for libvirt, the tap's name as path.

    mtu    the most that the guest may give it; 0: it decides, as the pod's network says so later
    vhost  an open /dev/vhost-net, so that the kernel moves the packets; -1: QEMU does
    """

    mac: str
    end: End
    mtu: int = 0
    vhost: int = -1


@value
class Disk:
    """A block device of the host, raw. `serial`: by which the guest finds it (at most 20 bytes)."""

    serial: str
    end: End
    read_only: bool = False


@value
class Machine:
    """A whole machine.

    name        podwright-<uuid>
    kind        MICROVM or Q35
    accelerator KVM or TCG
    memory      MiB of the guest
    cpus        of the guest
    kernel, initrd    paths as QEMU sees them
    parameters  of the kernel, each a word
    console     where the kernel's messages go
    channel     the one stream of `frames`; `cid`: over vsock with this context ID, then `channel` is
                /dev/vhost-vsock; 0: virtio-serial
    label       SELinux context for QEMU, or ""
    """

    uuid: str
    name: str
    kind: str
    accelerator: str
    memory: int
    cpus: int
    kernel: str
    initrd: str
    parameters: tuple[str, ...]
    console: End
    channel: End
    shares: tuple[Share, ...] = ()
    nics: tuple[Nic, ...] = ()
    disks: tuple[Disk, ...] = ()
    cid: int = 0
    label: str = ""


@value
class Settings:
    """What an administrator says about machines: paths.d's neighbour `kvm.d`, and a pod's own word.

    accelerator  KVM: refused where that does not work; TCG: asked for explicitly
    runner       auto (libvirt where its daemon answers), libvirt, or qemu
    overhead     MiB besides the limits of apps; None: `sizing.OVERHEAD`
    parameters   further words for the kernel's command line
    qemu, virtiofsd   paths of the programs; "": where they usually are
    """

    accelerator: str = KVM
    runner: str = "auto"
    overhead: Optional[int] = None
    parameters: tuple[str, ...] = ()
    qemu: str = ""
    virtiofsd: str = ""
