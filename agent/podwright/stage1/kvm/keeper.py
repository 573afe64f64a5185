# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PID 1 of a pod that runs in a virtual machine: it keeps the machine, as another one supervises apps.

It builds the apps' roots as ever, has virtiofsd serve them and QEMU run the machine, both in
jails of their own, and leaves the host behind. From then on it stands between the guest and everybody
else: the waiting parent, clients of the control socket, logs, terminals, the host's service manager.
The guest is a stranger. What it says is checked, and nothing that it does holds anybody up.
"""

from __future__ import annotations

import _socket
import os
import stat
import time

from podwright import jsonio
from podwright.errors import LaunchError
from podwright.kernel import mounts, process, rlimits, signals, terminal
from podwright.stage1.kvm import codec, frames, halfroot, ports, protocol
from podwright.stage1.kvm import plan as plans
from podwright.stage1.kvm.console import Console
from podwright.stage1.kvm.ends import choose
from podwright.stage1.kvm.machine import Disk, End
from podwright.stage1.kvm.outputs import Outputs
from podwright.stage1.kvm.relaying import Relaying
from podwright.stage1.namespaces import link as messages
from podwright.stage1.namespaces import roots, volumes
from podwright.stage1.namespaces import users as usernames
from podwright.stage2.init import every_capability
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from podwright.stage1.kvm.ends import ByLibvirt, Direct
    from podwright.stage1.kvm.helpers import Helper
    from podwright.stage1.kvm.nic import Tap
    from podwright.stage1.kvm.plan import Parts
    from podwright.stage1.kvm.protocol import DiskAt
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import PodPlan
    from podwright.stage1.namespaces.sources import Pins
    from podwright.stage1.namespaces.users import Users
    from podwright.stage1.xen.ends import ByXen

KINDS = process.CLONE_NEWIPC | process.CLONE_NEWUTS | process.CLONE_NEWNET
"""Its namespaces besides those of mounts, processes and users."""
ON = os.O_RDONLY | os.O_CLOEXEC
SEED = 64
TERMINALS = (("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0600"))
"""The terminals of this process: only it opens any."""


def run(parts: Parts, plan: PodPlan, filters: dict[str, bytes], link: Inside) -> tuple[int, str]:
    """Keep the pod's machine from its start to its end, see `stage2.init`: status and reason."""
    assert plan.users is not None
    host_net = os.open("/proc/thread-self/ns/net", ON) if parts.libvirt else -1
    users = usernames.create(plan.users, KINDS)
    link.report(messages.ISOLATED)
    signals.signal(signals.SIGPIPE, signals.SIG_IGN)
    machine = _Machine(plans.host(plan), parts, users, host_net)
    relaying = machine.prepare(plan, filters, link)
    mounts.enter_root(machine.pod)
    os.close(machine.pod)
    users.enter()
    link.check()
    return relaying.run()


class _Machine:
    """What is made while we are root of the host."""

    def __init__(self, plan: PodPlan, parts: Parts, users: Users, host_net: int) -> None:
        self.plan = plan
        self.parts = parts
        self.users = users
        self.host_net = host_net
        self.pod = -1
        self.last = every_capability().bit_length() - 1
        self.disks: list[Disk] = []
        self.places: list[DiskAt] = []

    def prepare(self, whole: PodPlan, filters: dict[str, bytes], link: Inside) -> Relaying:
        """Start everything, and say who goes on with it."""
        plan, users = self.plan, self.users
        pins = volumes.pin(plan)
        if plan.label is not None:
            mounts.label_with(plan.label.file)
        mounts.make_private("/")
        _socket.sethostname(plan.hostname)
        pts = self._terminals()
        slave = self._terminal(pts, link)
        if pins is not None:
            self._find_disks(pins)
        ends = choose(plan, self.parts, tuple(self.disks), self.host_net)
        taps = ends.taps(self.parts.wires) if self.parts.wires else ()
        qemu = ends.start(plan, self.parts, taps, tuple(self.disks), users, self.last)
        outputs = Outputs(frozenset(app.name for app in plan.apps), link.sinks)
        self.pod = roots.build(plan, pins, users)
        if plan.label is not None:
            from podwright.stage1.namespaces import labelled

            labelled.share(self.pod, plan.label)
        share = mounts.clone(self.pod, "", recursive=True)
        served = ends.serve(plan, self.parts, share, users, self.last)
        os.close(share)
        ends.release()
        go = link.wait_go()  # also without a network: only then is the pod's start measured
        for helper in (qemu, served):
            helper.settle()
        start = self._start_of(whole, filters, link, outputs, slave)
        told = self._told(qemu if qemu.pid > 0 else served, ends)
        console, channel = ends.ours()
        return Relaying(
            plan,
            link,
            channel=channel.detach(),
            console=Console(console.detach()),
            qemu=qemu,
            files=served,
            start=protocol.pieces(codec.encode(start), frames.LONGEST),
            outputs=outputs,
            pts=pts,
            slave=slave,
            source=ports.own_input(0) if plan.interactive and slave < 0 else -1,
            go=go,
            nics=self._connect(taps),
            told=told,
        )

    def _connect(self, taps: tuple[Tap, ...]) -> dict[str, Any]:
        """The links are there: what the guest is to know of them."""
        if not taps:
            return {}
        from podwright.stage1.kvm import nic

        return nic.connect(taps)

    def _terminals(self) -> int:
        """Where terminals of the host's side are made."""
        return mounts.filesystem("devpts", TERMINALS, mounts.NOSUID | mounts.NOEXEC)

    def _terminal(self, pts: int, link: Inside) -> int:
        """That of an interactive pod, whose master the parent gets; -1: none."""
        if link.terminals is None:
            return -1
        master, slave = ports.raw_pair(pts)
        terminal.send(link.terminals, master)
        link.terminals.close()
        os.close(master)
        return slave

    def _find_disks(self, pins: Pins) -> None:
        """Open the block devices among the volumes. Raises LaunchError for other devices."""
        known: dict[int, str] = {}
        written = {
            os.fstat(pins.source(bind)).st_rdev
            for app in self.plan.apps
            for bind in app.binds + app.late_binds
            if halfroot.is_device(bind, pins) and _writes(bind)
        }
        for app in self.plan.apps:
            for bind in app.binds + app.late_binds:
                if not halfroot.is_device(bind, pins):
                    continue
                found = os.fstat(pins.source(bind))
                if not stat.S_ISBLK(found.st_mode):
                    raise LaunchError(
                        f"app {app.name}: volume {bind.volume} is a character device, which cannot"
                        " be handed to a virtual machine",
                        "run the pod in namespaces",
                        object=app.name,
                    )
                if found.st_rdev not in known:
                    known[found.st_rdev] = self._open_disk(
                        pins.source(bind), writes=found.st_rdev in written
                    )
                self.places.append(
                    protocol.DiskAt(
                        app.name,
                        bind.where,
                        known[found.st_rdev],
                        bind.device if _writes(bind) else "r",
                        stat.S_IMODE(found.st_mode),
                    )
                )

    def _open_disk(self, source: int, *, writes: bool) -> str:
        flags = (os.O_RDWR if writes else os.O_RDONLY) | os.O_CLOEXEC
        fd = os.open(f"/proc/self/fd/{source}", flags)
        number = len(self.disks)
        serial = f"podwright-{number}"
        if self.parts.xen is not None:
            from podwright.stage1.xen.plan import disk_name

            serial = disk_name(number)
        self.disks.append(Disk(serial, End(fd), read_only=not writes))
        return serial

    def _start_of(
        self,
        whole: PodPlan,
        filters: dict[str, bytes],
        link: Inside,
        outputs: Outputs,
        slave: int,
    ) -> protocol.Start:
        """What the guest is to run."""
        start = plans.start(whole, filters, time.time_ns(), tuple(self.places))
        return replace(
            start,
            terminal=slave >= 0,
            size=terminal.size(slave) if slave >= 0 else (0, 0),
            together=outputs.together,
            outer=link.outer >= 0,
            watchdog=link.watchdog,
            rlimits=rlimits.every(),
            seed=os.urandom(SEED),
        )

    def _told(self, qemu: Helper, ends: Union[Direct, ByLibvirt, ByXen]) -> dict[str, Any]:
        """What `status` says of the machine."""
        jsonio.loads(jsonio.dumps({}), "nothing")  # what that loads is out of reach later
        handle = os.pidfd_open(qemu.pid)
        pid = usernames.seen_as(handle)
        os.close(handle)
        return {
            "accelerator": "xen" if self.parts.xen else self.parts.settings.accelerator,
            "cpus": self.parts.size.cpus,
            "kind": ends.kind,
            "memory": self.parts.size.memory,
            "pid": pid,
            "runner": ends.runner,
        }


def _writes(bind: Bind) -> bool:
    """Whether an app may write to a device."""
    return "w" in bind.device and not bind.read_only
