# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pod gets a user namespace of its own (C8): asked for, or by default, or why not. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.model.volume import Volume

CHOICES = ("", "true", "false", "idmapped")
""""" = where possible; idmapped = true, and never by a copy of the image with other owners."""
COUNT = 65536
"""Users and groups of a pod: 0 to 65535."""


@value
class Decision:
    """What was decided; `report` says why what would be the default is off, or is ""."""

    on: bool
    report: str = ""


OFF = Decision(False)
ON = Decision(True)


def decide(
    asked: str,
    stage1: str,
    net: str,
    devices: Iterable[str],
    missing: str = "",
    shared: Iterable[str] = (),
) -> Decision:
    """Decide for one pod. Raises UsageError when it was asked for and cannot be had.

    devices   names of the volumes that are device nodes of the host
    missing   why this host has no user namespaces, or ""
    shared    names of the volumes in which the pod's mounts are to appear on the host
    """
    if asked == "false" or (stage1 == "image" and not asked):
        return OFF
    why, hint = _obstacle(stage1, net, tuple(devices), missing, tuple(shared))
    if not why:
        return ON
    if asked:
        raise UsageError(
            f"private users cannot be had: {why}",
            f"{hint}, or leave private users out",
            object="private-users",
            reason="no-private-users",
        )
    return Decision(False, f"no user namespace of its own: {why}")


def _obstacle(
    stage1: str, net: str, devices: tuple[str, ...], missing: str, shared: tuple[str, ...]
) -> tuple[str, str]:
    """What stands in the way, and what could be done about it."""
    if stage1 == "fly":
        return "stage1 fly keeps the host's users", "choose stage1 namespaces"
    if net == "host":
        return "the pod has the host's network (net: host)", "choose another network"
    if devices and stage1 not in ("kvm", "xen"):  # a machine gets them as its disks
        return (
            f"volume {devices[0]} is a device of the host, which is its root's",
            "leave the device out",
        )
    if shared:
        why = f"mounts of the pod in volume {shared[0]} are to appear on the host"
        return f"{why} (propagation: shared)", "choose propagation slave or private"
    if missing:
        return missing, "enable user namespaces on the host"
    return "", ""


def devices(volumes: Iterable[Volume], nodes: Iterable[str] = ()) -> tuple[str, ...]:
    """Names of the volumes that are devices; `nodes` are host volumes that turned out to be."""
    known = frozenset(nodes)
    return tuple(each.name for each in volumes if each.kind == "device" or each.name in known)


def rank(
    stage1: str, on: bool, image_id: str = "", emulated: bool = False, wider: bool = False
) -> str:
    """The isolation of a pod in the words of the policy, or the ID of its stage1 image, which the
    policy may know.

    emulated  a machine's processor is software, which nobody holds for a boundary: what counts is
              what QEMU itself runs in
    wider     it has the profile system, which is less than users of its own with all the rest
    """
    if stage1 == "image":
        return image_id
    if stage1 == "xen" or (stage1 == "kvm" and not emulated):
        return "vm"
    if stage1 in ("namespaces", "kvm"):
        if wider:
            return "namespaces"
        return "user-namespaced" if on else "namespaces"
    return stage1
