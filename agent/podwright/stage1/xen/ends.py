# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a domain is connected with, on the keeper's side, as `kvm.ends` has it for QEMU and libvirt."""

from __future__ import annotations

import os
import select
import time

from podwright import jsonio
from podwright.errors import LaunchError
from podwright.kernel import unixsocket
from podwright.stage1.kvm import helpers, jail
from podwright.stage1.xen import holder, qemu

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Any

    from podwright.stage1.kvm.machine import Disk
    from podwright.stage1.kvm.nic import Tap, Wire
    from podwright.stage1.kvm.plan import Parts
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage1.namespaces.users import Users
    from podwright.stage1.xen.plan import Held

PATIENCE = 60000
"""Milliseconds for the holder to have ended the domain; the parent waits for longer."""
COMING_UP = 600.0
"""Seconds for the holder to have made it: another one may be made just then."""
NET = "/proc/thread-self/ns/net"
DEVICES = "/dev/xen"


class Holder(helpers.Helper):
    """The process that holds the domain: no child of ours, and it ends when its socket is hung up.

    settled  what it has said first: number of the domain, and by what it was made
    """

    def __init__(self, socket: _socket.socket) -> None:
        super().__init__("Xen", -1, socket.fileno(), -1)
        self.socket = socket
        self.lines = b""

    def line(self) -> list[str]:
        """The next thing that it says. Raises LaunchError for a failure, and when it has ended."""
        until = time.monotonic() + COMING_UP
        wait = select.poll()
        wait.register(self.output, select.POLLIN)
        while b"\n" not in self.lines:
            if not wait.poll(max(0.0, until - time.monotonic()) * 1000):
                raise LaunchError(
                    f"the pod's domain has not been made within {COMING_UP:.0f} s",
                    "xl list shows whether another one is being made, and xl dmesg may say more",
                    reason="no-domain",
                )
            data = os.read(self.output, 4096)
            if not data:
                raise LaunchError("the process that holds the pod's domain has ended")
            self.lines += data
        line, _, self.lines = self.lines.partition(b"\n")
        word, _, rest = line.decode("utf-8", "replace").partition(" ")
        if word == holder.FAILED:
            raise LaunchError(rest, "xl dmesg and /var/log/xen may say more", reason="no-domain")
        return [word, *rest.split()]

    def settle(self) -> None:
        """Wait until the domain's links are the pod's."""
        self.line()
        os.set_blocking(self.output, False)

    def read(self) -> bool:
        """As for every helper; at its end the domain has ended."""
        more = super().read()
        if not more:
            self.status = 0
        return more

    def kill(self) -> None:
        """Have the domain ended, and wait for that."""
        self.socket.shutdown(1)
        os.set_blocking(self.output, False)
        wait = select.poll()
        wait.register(self.output, select.POLLIN)
        while wait.poll(PATIENCE) and super().read():
            continue


class ByXen:
    """A holder makes the domain, and QEMU, a child of ours, serves its files and its channel."""

    accelerator = "xen"

    def __init__(self, held: Held) -> None:
        self.held = held
        self.kind = held.type
        self.runner = ""
        self.domid = 0
        self.consoles = unixsocket.pair()
        self.channels = unixsocket.pair()
        self.holder = Holder(unixsocket.adopt(held.socket))

    def taps(self, wires: tuple[Wire, ...]) -> tuple[Tap, ...]:
        """What dom0's ends of the domain's devices will be in this namespace."""
        from podwright.stage1.kvm import nic, redirect

        elsewhere = bool(self.held.backend)
        return tuple(
            nic.Tap(wire, f"{redirect.TAP}{at}", self.held.macs[at], elsewhere=elsewhere)
            for at, wire in enumerate(wires)
        )

    def start(
        self,
        plan: PodPlan,
        parts: Parts,
        taps: tuple[Tap, ...],
        disks: tuple[Disk, ...],
        users: Users,
        last_capability: int,
    ) -> helpers.Helper:
        """Have the domain made."""
        asked = {"disks": [_said(disk) for disk in disks]}
        net = os.open(NET, os.O_RDONLY | os.O_CLOEXEC)
        fds = (net, self.consoles[1].fileno())
        try:
            unixsocket.send(self.holder.socket, jsonio.dumps(asked).encode(), fds)
        except OSError:
            raise LaunchError("the process that holds the pod's domain has ended") from None
        finally:
            os.close(net)
            for disk in disks:
                os.close(disk.end.fd)
        return self.holder

    def serve(
        self, plan: PodPlan, parts: Parts, share: int, users: Users, last_capability: int
    ) -> helpers.Helper:
        """Start QEMU for the domain, once that is there. `share`: a detached mount, which it gets alone."""
        _, domid, self.runner = self.holder.line()
        self.domid = int(domid)
        channel = self.channels[1].fileno()
        argv = qemu.command(parts.qemu, self.domid, channel)
        own = jail.Jail(
            plan.root,
            share=share,
            proc=True,  # it changes modes of files by way of its descriptors
            nodes=tuple(map(_node, qemu.DEVICES)),
            capabilities=qemu.CAPABILITIES,
            most_files=helpers.most_files(),
            label=parts.label,
            root_label=parts.jail_label,
        )
        return helpers.start("QEMU", own, argv, frozenset((channel,)), users, last_capability)

    def release(self) -> None:
        """Close what the helpers have now."""
        self.consoles[1].close()
        self.channels[1].close()

    def ours(self) -> tuple[_socket.socket, _socket.socket]:
        """Console and channel, once the helpers have settled."""
        return self.consoles[0], self.channels[0]


def _said(disk: Disk) -> dict[str, Any]:
    """A disk, for the holder: the device itself, whatever its name means by then."""
    return {"device": os.fstat(disk.end.fd).st_rdev, "read_only": disk.read_only}


def _node(name: str) -> tuple[str, int, int]:
    """A device of Xen's, for the jail."""
    found = os.stat(f"{DEVICES}/{name}").st_rdev
    return f"xen/{name}", os.major(found), os.minor(found)
