# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod in a virtual machine (kvm, xen) cannot have (C4): refused with its reason, before anything changes. Pure.

Everything else is the same in a virtual machine as in namespaces; docs/flavours.md has the list.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import lesser
from podwright.model.volume import DEVICE
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec
    from podwright.model.volume import Volume

BLOCK, CHARACTER = "block", "character"
NO_DISK = "the guest has no disk that could be limited: its files are the host's"
NO_MODULE = (
    "the guest's kernel has no such policy, and the host's does not see the guest's processes"
)
UNENFORCEABLE = {
    "resource/block-bandwidth": NO_DISK,
    "resource/block-iops": NO_DISK,
    "os/linux/io-weight": NO_DISK,
    "os/linux/apparmor-profile": NO_MODULE,
    "os/linux/selinux-context": NO_MODULE,
}
"""Isolators that nothing would enforce, and why."""
NAMESPACES = "choose stage1 namespaces for it"


def admit(
    spec: PodSpec, manifest: PodManifest, nodes: Mapping[str, str], missing: str = ""
) -> tuple[PodManifest, list[str]]:
    """The manifest without what nothing would enforce and nobody asked for, and sentences about that.

    nodes    name of a volume that is a device node of the host -> BLOCK or CHARACTER
    missing  why this host has no user namespaces, or ""
    Raises UsageError naming what was asked for and cannot be had.
    """
    check_pod(spec)
    check_host(missing, spec.stage1)
    for volume in manifest.volumes:
        check_volume(volume, nodes.get(volume.name, ""), spec.stage1)
    return lesser.without(spec, manifest, UNENFORCEABLE, spec.stage1)


def check_pod(spec: PodSpec) -> None:
    """Refuse what the pod as a whole cannot have, whatever its images are."""
    check_start(spec.net, spec.stage1)
    if spec.mutable:
        raise refused(
            "apps that come and go (app sandbox)",
            "what a machine runs is settled before it boots",
            "name its apps when it starts, or " + NAMESPACES,
            stage1=spec.stage1,
        )
    if spec.sockets:
        raise refused(
            f"socket activation (port {spec.sockets[0].name})",
            "a socket of the host's cannot be handed into another kernel",
            "publish the port instead: it is forwarded to the guest",
            stage1=spec.stage1,
        )
    if spec.private_users == "false":
        raise refused(
            "private users: false",
            "what serves a machine its files must not be root on the host",
            "leave it out: owners of files in volumes are what they are in the guest",
            stage1=spec.stage1,
        )


def check_start(net: str, stage1: str = "kvm") -> None:
    """Refuse what is said about the start of such a pod; "" = nothing."""
    if net == "host":
        raise refused(
            "net host",
            "a machine has a kernel, and so a network, of its own",
            "choose a network, such as default, and publish ports",
            stage1=stage1,
        )


def check_ipc(asked: str, stage1: str = "kvm") -> None:
    """Refuse an IPC namespace that a machine cannot give; `auto` is private."""
    if asked == "parent":
        raise refused(
            "--ipc=parent",
            "another kernel's IPC is not the host's",
            "leave it out: it is private",
            stage1=stage1,
        )


def check_host(missing: str, stage1: str = "kvm") -> None:
    """Refuse a host on which what serves a machine would be root."""
    if missing:
        raise refused(
            f"what it needs of this host: {missing}",
            "what serves a machine its files runs as nobody, in a user namespace",
            "enable user namespaces on the host, or " + NAMESPACES,
            stage1=stage1,
        )


def check_listening(names: tuple[str, ...], stage1: str = "kvm") -> None:
    """Refuse sockets that a service manager has handed to us."""
    if names:
        raise refused(
            f"socket activation ({names[0]})",
            "a socket of the host's cannot be handed into another kernel",
            "start it without its socket unit",
            stage1=stage1,
        )


def check_volume(volume: Volume, node: str, stage1: str = "kvm") -> None:
    """Refuse a volume that cannot be given to another kernel."""
    what = f"volume {volume.name}"
    if node == CHARACTER or (volume.kind == DEVICE and node != BLOCK):
        raise refused(
            f"{what}: {volume.source}, which is no block device",
            "a guest has drivers of its own, and only disks are handed to it",
            "leave the device out, or " + NAMESPACES,
            volume.name,
            stage1=stage1,
        )
    if volume.propagation == "shared":
        raise refused(
            f"{what} with propagation shared",
            "what a guest mounts stays in its own kernel",
            "choose propagation slave or private",
            volume.name,
            stage1=stage1,
        )


def refused(what: str, why: str, hint: str, name: str = "", *, stage1: str = "kvm") -> UsageError:
    """The error for something that is not possible with another kernel."""
    return UsageError(
        f"stage1 {stage1} cannot have {safe(what, 200)}: {why}",
        hint,
        object=name,
        reason=f"not-in-{stage1}",
    )
