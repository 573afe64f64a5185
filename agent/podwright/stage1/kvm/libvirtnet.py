# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taps for a machine that libvirt runs: opened by libvirtd in the host's network, used in the pod's.

libvirtd opens a tap by its name, in its own network namespace. So a lasting one is made there, and when QEMU
has it, it moves into the pod's namespace, under the name that it has for any other machine; it ends with that.
"""

from __future__ import annotations

import os

from podwright.kernel import process, rtlook, rtnl, tap
from podwright.net import linkmessages

PREFIX = "pk"
OURS = "/proc/thread-self/ns/net"


def name_of(uuid: str, number: int) -> str:
    """The tap's name while it is the host's: 12 bytes of the 15 that there are."""
    return f"{PREFIX}{uuid[:8]}{number:02d}"


class Taps:
    """Those of one pod, made in the host's network namespace, which this process joins."""

    def __init__(self, uuid: str, names: tuple[str, ...], host: int) -> None:
        self.names = {name_of(uuid, number): name for number, name in enumerate(names)}
        self.pod = os.open(OURS, os.O_RDONLY | os.O_CLOEXEC)
        process.setns(host, process.CLONE_NEWNET)
        for name in self.names:
            rtnl.delete_link(name)
            tap.make_lasting(name, 0)

    def move(self) -> None:
        """Into the pod's namespace."""
        found = {one.name: one for one in rtlook.links()}
        socket = rtnl.Rtnl()
        try:
            for name, inside in self.names.items():
                socket.call(name, linkmessages.moved(found[name].index, inside, self.pod))
        finally:
            socket.close()
        self.names = {}

    def forget(self) -> None:
        """Remove those that have not moved."""
        for name in self.names:
            rtnl.delete_link(name)


def forget(uuid: str) -> None:
    """Remove the taps of a pod that have not moved, in this network namespace."""
    for one in rtlook.links():
        if one.name.startswith(name_of(uuid, 0)[:-2]):
            rtnl.delete_link(one.name)
