# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of what a machine is connected with, and who runs it: QEMU as our child, or libvirt."""

from __future__ import annotations

import os

from podwright.errors import LaunchError
from podwright.kernel import unixsocket
from podwright.stage1.kvm import helpers
from podwright.stage1.kvm import plan as plans
from podwright.stage1.kvm.machine import MICROVM, Q35, End, Nic
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Union

    from podwright.stage1.kvm.libvirtplace import Place
    from podwright.stage1.kvm.machine import Disk
    from podwright.stage1.kvm.nic import Tap, Wire
    from podwright.stage1.kvm.plan import Parts
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage1.namespaces.users import Users
    from podwright.stage1.xen.ends import ByXen


def choose(
    plan: PodPlan, parts: Parts, disks: tuple[Disk, ...], host_net: int
) -> Union[Direct, ByLibvirt, ByXen]:
    """Who runs the machine. Raises LaunchError where that was said and cannot be."""
    if parts.xen is not None:
        from podwright.stage1.xen import ends

        return ends.ByXen(parts.xen)
    if parts.libvirt and not disks:
        return ByLibvirt(plan.uuid, host_net)
    if parts.libvirt and parts.settings.runner == "libvirt":
        raise LaunchError(
            "a machine that libvirt runs has no block devices: its QEMU may not open them",
            "choose runner qemu for this pod, or leave runner to auto",
        )
    if host_net >= 0:
        os.close(host_net)
    return Direct()


class Served:
    """Files by virtiofsd. `listening`: where it accepts the machine."""

    def __init__(self, listening: _socket.socket) -> None:
        self.listening = listening

    def serve(
        self, plan: PodPlan, parts: Parts, share: int, users: Users, last_capability: int
    ) -> helpers.Helper:
        """Start what serves the files. `share`: a detached mount, which it gets alone."""
        listening = self.listening.fileno()
        labels = (parts.server_label, parts.jail_label)
        return helpers.serve_files(
            parts.server, plan.root, share, listening, users, last_capability, labels
        )


class Direct(Served):
    """QEMU is a child of ours: everything is a descriptor."""

    runner = "qemu"
    kind = MICROVM

    def __init__(self) -> None:
        listening, self.files = helpers.connected()
        super().__init__(listening)
        self.consoles = unixsocket.pair()
        self.channels = unixsocket.pair()
        self.open: list[int] = []

    def taps(self, wires: tuple[Wire, ...]) -> tuple[Tap, ...]:
        """Devices for the links that the pod is going to have."""
        from podwright.stage1.kvm import nic

        return nic.make_taps(wires)

    def start(
        self,
        plan: PodPlan,
        parts: Parts,
        taps: tuple[Tap, ...],
        disks: tuple[Disk, ...],
        users: Users,
        last_capability: int,
    ) -> helpers.Helper:
        """Run the machine."""
        nics = tuple(Nic(one.mac, End(one.fd)) for one in taps)
        self.open = [*(nic.end.fd for nic in nics), *(disk.end.fd for disk in disks)]
        theirs = plans.Ends(
            End(self.consoles[1].fileno()),
            End(self.channels[1].fileno()),
            End(self.files.fileno()),
            nics,
            disks,
        )
        machine = plans.machine(plan, parts, theirs)
        files = ((parts.kernel, plans.KERNEL), (parts.initrd, plans.INITRD))
        return helpers.run_machine(
            machine, parts.qemu, plan.root, files, users, last_capability, parts.jail_label
        )

    def release(self) -> None:
        """Close what the helpers have now."""
        for each in (self.listening, self.files, self.consoles[1], self.channels[1]):
            each.close()
        for fd in self.open:
            os.close(fd)

    def ours(self) -> tuple[_socket.socket, _socket.socket]:
        """Console and channel, once the helpers have settled."""
        return self.consoles[0], self.channels[0]


class ByLibvirt(Served):
    """libvirt runs it: everything has a name on the host for a moment.

    host_net  the host's network namespace, where libvirtd is
    """

    runner = "libvirt"
    kind = Q35

    def __init__(self, uuid: str, host_net: int) -> None:
        from podwright.stage1.kvm.libvirtplace import Place

        self.place: Place = Place(uuid)
        super().__init__(self.place.servers.pop("files"))
        self.host_net = host_net

    def taps(self, wires: tuple[Wire, ...]) -> tuple[Tap, ...]:
        """What will be there when the machine runs."""
        from podwright.stage1.kvm import nic, redirect

        return tuple(
            nic.Tap(wire, f"{redirect.TAP}{at}", nic.new_mac()) for at, wire in enumerate(wires)
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
        """Have it run; its disks have been refused before."""
        from podwright import __version__
        from podwright.stage1.kvm import libvirtnet, libvirtplace, libvirtrun

        console, channel, files = (
            End(path=f"{self.place.path}/{name}") for name in libvirtplace.SOCKETS
        )
        names = (libvirtnet.name_of(plan.uuid, at) for at in range(len(taps)))
        nics = tuple(Nic(one.mac, End(path=name)) for one, name in zip(taps, names))
        boot = libvirtplace.boot(parts.kernel, parts.initrd)
        machine = plans.machine(plan, parts, plans.Ends(console, channel, files, nics), Q35)
        machine = replace(machine, kernel=boot.kernel, initrd=boot.initrd)
        inside = tuple(one.name for one in taps)
        return libvirtrun.start(machine, parts.pod, __version__, self.place, self.host_net, inside)

    def release(self) -> None:
        """Close what the helpers have now."""
        self.listening.close()
        os.close(self.host_net)

    def ours(self) -> tuple[_socket.socket, _socket.socket]:
        """Console and channel, once the machine runs, or will not."""
        return self.place.accept("console"), self.place.accept("channel")
