# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines with everything that one can have, for tests of what renders them."""

from __future__ import annotations

from typing import Any

from podwright.stage1.kvm import parameters
from podwright.stage1.kvm.machine import MICROVM, Q35, TCG, Disk, End, Machine, Nic, Share
from podwright.values import replace

UUID = "0b1d4a3e-6f52-4f0e-9a55-2a9b3a0c1d11"
WHERE = f"/run/podwright/kvm/{UUID}"


def own(**changes: Any) -> Machine:
    """As the host's own QEMU runs it: all ends are descriptors."""
    machine = Machine(
        uuid=UUID,
        name=f"podwright-{UUID}",
        kind=MICROVM,
        accelerator=TCG,
        memory=512,
        cpus=2,
        kernel="/machine/kernel",
        initrd="/machine/initrd",
        parameters=parameters.words(parameters.MMIO, parameters.SERIAL, ("mitigations=off",)),
        console=End(10),
        channel=End(11),
        shares=(Share("pod", End(12)),),
        nics=(Nic("02:00:00:00:00:01", End(13), 1400), Nic("02:00:00:00:00:02", End(14), vhost=15)),
        disks=(Disk("podwright-0", End(16)), Disk("podwright-1", End(17), read_only=True)),
    )
    return replace(machine, **changes)


def theirs(**changes: Any) -> Machine:
    """As libvirt runs it: all ends are paths, and names of taps."""
    machine = own(
        kind=Q35,
        parameters=parameters.words(parameters.PCI, parameters.SERIAL),
        console=End(path=f"{WHERE}/console"),
        channel=End(path=f"{WHERE}/channel"),
        shares=(Share("pod", End(path=f"{WHERE}/files")),),
        nics=(Nic("02:00:00:00:00:01", End(path="pk0b1d4a3e00"), 1400),),
        disks=(Disk("podwright-0", End(path="/dev/vdb"), read_only=True),),
    )
    return replace(machine, **changes)
