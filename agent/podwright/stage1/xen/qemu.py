# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QEMU that serves a domain its files and its channel: no machine runs in it. Pure but for `find`.

It gets the number of a domain and a descriptor; nothing that a user chose is in its command line (T79). Builds of
QEMU for Xen have no filter of system calls of their own.
"""

from __future__ import annotations

from podwright.errors import HostError
from podwright.stage1.kvm import programs
from podwright.stage1.xen.devices import CHANNEL

PLACES = (
    "/usr/libexec/xen-qemu-system-i386",
    "/usr/lib/xen/bin/qemu-system-i386",
    "/usr/libexec/xen/bin/qemu-system-i386",
)
DEVICES = ("evtchn", "gntdev", "privcmd", "xenbus")
"""Of /dev/xen, that it needs: event channels, the guest's granted memory, and Xenstore."""
CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP = 0, 1, 3, 4, 27, 31
NEEDED = (CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP)
"""What it acts with in the guest's name."""
CAPABILITIES = sum(1 << number for number in NEEDED)


def find(path: str = "") -> str:
    """Its path, or the one that an administrator says. Raises HostError."""
    found = programs.find(path, PLACES, "xen.d")
    if found:
        return found
    raise HostError(
        "there is no QEMU for Xen on this host, which serves domains their files",
        "install it (Debian: qemu-system-xen), or run the pod in namespaces",
    )


def command(program: str, domid: int, channel: int) -> list[str]:
    """The command line. `channel`: the descriptor that the guest's second console is connected with."""
    return [
        *(program, "-xen-domid", str(domid), "-xen-attach", "-name", f"podwright-{domid}"),
        *("-no-user-config", "-nodefaults", "-display", "none", "-machine", "xenpv"),
        *("-chardev", f"socket,id={CHANNEL},fd={channel}"),
    ]
