# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices of the host in its guest, shown to apps with the host's owner and mode: found by serial, or by
name where the host decides that (`xvda`).
"""

from __future__ import annotations

import os
import time

from podwright.errors import LaunchError
from podwright.kernel import fs
from podwright.stage1.namespaces.mountplan import Device
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.kvm.protocol import DiskAt
    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan

BLOCK = "/sys/block"
PLACE = "/dev/podwright"
PATIENCE = 10.0
"""Seconds for a disk to appear."""
MOMENT = 0.002


def with_numbers(plan: PodPlan, disks: tuple[DiskAt, ...]) -> PodPlan:
    """The plan with the guest's own devices in the place of the host's. Raises LaunchError."""
    fs.ensure_dir(PLACE)
    places: dict[tuple[str, str], str] = {}
    devices = []
    for number, disk in enumerate(disks):
        major, minor = _number(disk)
        path = f"{PLACE}/{number}"
        fs.make_block_device(path, major, minor, disk.mode, disk.uid, disk.gid)
        places[disk.app, disk.where] = path
        devices.append(Device(disk.app, "b", major, minor, disk.access))
    apps = tuple(_at(app, places) for app in plan.apps)
    return replace(plan, devices=tuple(devices), apps=apps)


def _at(app: AppPlan, places: dict[tuple[str, str], str]) -> AppPlan:
    def own(binds: tuple[Bind, ...]) -> tuple[Bind, ...]:
        return tuple(
            replace(bind, kind="device", source=places[app.name, bind.where])
            if (app.name, bind.where) in places
            else bind
            for bind in binds
        )

    return replace(app, binds=own(app.binds), late_binds=own(app.late_binds))


def _number(disk: DiskAt) -> tuple[int, int]:
    until = time.monotonic() + PATIENCE
    while True:
        for name in os.listdir(BLOCK):
            if disk.serial in (name, _read(f"{BLOCK}/{name}/serial")):
                major, _, minor = _read(f"{BLOCK}/{name}/dev").partition(":")
                return int(major), int(minor)
        if time.monotonic() >= until:
            raise LaunchError(
                f"app {disk.app}: the block device for {disk.where} is not there in its machine",
                object=disk.app,
            )
        time.sleep(MOMENT)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
