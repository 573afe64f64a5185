# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a guest's kernel, as words. Pure.

What is here is for a short boot or for an orderly end; each word costs nothing where a kernel does not know it.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.text import safe

MMIO, PCI, XEN = "mmio", "pci", "xen"
SERIAL, VSOCK, HVC = "serial", "vsock", "hvc"
"""Of the channel; HVC: a second console of a Xen guest."""

BASE = (
    "console=ttyS0",
    "quiet",
    "panic=-1",  # a kernel that panics is over at once,
    "reboot=t",  # and so is a machine that asks for it: QEMU runs with -no-reboot
    "tsc=reliable",
    "no_timer_check",
    "noreplace-smp",
    "cryptomgr.notests",
    "random.trust_cpu=on",
    "net.ifnames=0",
    "8250.nr_uarts=1",
    "cgroup_no_v1=all",
)
ON_PCI = ("pci=lastbus=0",)
"""The root bus of q35 has all devices there are."""
UNDER_XEN = (
    "console=hvc0",
    "quiet",
    "panic=-1",
    "cryptomgr.notests",
    "random.trust_cpu=on",
    "net.ifnames=0",
    "cgroup_no_v1=all",
)
"""In the place of `BASE`: the hypervisor tells a guest's kernel what there is."""
ON_MMIO = ("pci=off",)
"""Not `acpi=off`: the kernel would not look for the interrupts of the serial port, either."""
ALLOWED = LETTERS + DIGITS + "_.-=,:/@+"
"""What a further word may be made of: nothing that ends a word, quotes or starts a comment."""
OURS = ("podwright.", "console=", "init=", "rdinit=", "panic", "reboot=", "root=")
"""What a further word must not begin with."""
LONGEST = 200


def words(
    bus: str, channel: str, extra: tuple[str, ...] = (), modules: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """All words for a machine whose devices are on this bus, and its channel of this kind.

    modules  that the guest needs besides those of the bus, the channel and the share
    """
    there = {MMIO: (*BASE, *ON_MMIO), PCI: (*BASE, *ON_PCI), XEN: UNDER_XEN}[bus]
    own: tuple[str, ...] = (f"podwright.bus={bus}", f"podwright.channel={channel}")
    own += (f"podwright.modules={','.join(modules)}",) if modules else ()
    return (*there, *own, *(checked(word, "kernel parameter") for word in extra))


def checked(word: str, what: str) -> str:
    """A word of an administrator's. Raises UsageError."""
    if len(word) > LONGEST or not made_of(word, ALLOWED) or word.startswith("-"):
        raise UsageError(
            f"{what} {safe(word, 80)!r} is not one word of a kernel's command line",
            "use letters, digits and _ . - = , : / @ +",
        )
    if word.startswith(OURS):
        raise UsageError(f"{what} {safe(word, 80)!r} is set by podwright itself", "leave it out")
    return word
