# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links whose other end is a descriptor (tuntap.rst of the kernel): what a virtual machine sends and receives.

With the header of virtio before each packet, so that the guest's large packets and unfinished
checksums pass as they are; who has the descriptor says what the guest can take (TUNSETOFFLOAD).
"""

from __future__ import annotations

import fcntl
import os
import struct

from podwright.errors import HostError
from podwright.kernel.step import step

DEVICE = "/dev/net/tun"
TUNSETIFF, TUNSETPERSIST, TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
MISSING = (2, 6, 19)
"""ENOENT, ENXIO, ENODEV: the kernel has none, or has not loaded it."""


def make(name: str) -> int:
    """A new link in this network namespace; it ends with its descriptor. Raises HostError, OSError."""
    try:
        fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as err:
        raise HostError(
            f"{DEVICE}: cannot be opened: {err.strerror}",
            "load the kernel's module tun: modprobe tun"
            if err.errno in MISSING
            else "see the permissions of the device",
            object=DEVICE,
        ) from None
    request = struct.pack("=16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    step("tap")
    try:
        fcntl.ioctl(fd, TUNSETIFF, request)
    except OSError:
        os.close(fd)
        raise
    return fd


def make_lasting(name: str, owner: int) -> None:
    """A new link that a user may open, and that stays until it is removed. Raises HostError, OSError."""
    fd = make(name)
    try:
        step("tap")
        fcntl.ioctl(fd, TUNSETOWNER, owner)
        fcntl.ioctl(fd, TUNSETPERSIST, 1)
    finally:
        os.close(fd)
