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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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


def stray(alive: Callable[[str], bool]) -> list[str]:
    """Taps in this network namespace whose pods' UUIDs, of which they have the beginning, are none any more."""
    names = [one.name for one in rtlook.links()]
    return [name for name in names if _is_ours(name) and not alive(name[len(PREFIX) :][:8])]


def _is_ours(name: str) -> bool:
    rest = name[len(PREFIX) :]
    digits = "0123456789"
    return (
        name.startswith(PREFIX)
        and len(rest) == 10
        and not rest[:8].strip(digits + "abcdef")
        and not rest[8:].strip(digits)
    )
