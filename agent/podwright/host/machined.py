# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as machines of systemd-machined (org.freedesktop.machine1(5)): `machinectl list` shows them.

They are registered with the unit that they run in, where that is a service of the host's. A pod
that somebody runs in a log-in session is not: whoever ended such a machine would end the session.
"""

from __future__ import annotations

import os

from podwright.errors import HostError

SERVICE = "org.freedesktop.machine1"
PATH = "/org/freedesktop/machine1"
INTERFACE = "org.freedesktop.machine1.Manager"
ACTIVATED = (
    "/usr/share/dbus-1/system-services/org.freedesktop.machine1.service",
    "/usr/local/share/dbus-1/system-services/org.freedesktop.machine1.service",
)
"""Where it is installed, it is started when it is called."""


REGISTERED = "/run/systemd/machines"
"""A file for each machine that it knows."""


def name_of(uuid: str) -> str:
    """What a pod is called there."""
    return f"rkt-{uuid}"


def answers() -> bool:
    """Whether it is worth asking: no bus and no machined are found out by looking."""
    return os.path.exists("/run/systemd/system") and any(map(os.path.exists, ACTIVATED))


def own_unit(text: str) -> str:
    """The unit of /proc/PID/cgroup's `text`; "" outside of any. Pure."""
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        if controllers == "name=systemd" or (number == "0" and not controllers):
            for part in path.split("/"):
                if part.endswith((".service", ".scope")):
                    return part
    return ""


def unit() -> str:
    """The unit that we run in, or ""."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            return own_unit(file.read())
    except OSError:
        return ""


def wanted() -> bool:
    """Whether we run in a unit that may be a machine."""
    ours = unit()
    return bool(ours) and not ours.startswith(("session-", "user@", "init.scope"))


def register(uuid: str, leader: int, root: str) -> bool:
    """Register a pod; False where that cannot be had. Raises HostError with what machined said."""
    if not answers() or not wanted():
        return False
    _call(
        "RegisterMachine",
        name_of(uuid),
        bytes.fromhex(uuid.replace("-", "")),
        "podwright",
        "container",
        leader,
        root,
    )
    return True


def forget(uuid: str) -> None:
    """The pod has ended. Without us machined notices that, too, when the unit has ended."""
    try:
        _call("UnregisterMachine", name_of(uuid))
    except HostError:
        return


def forget_dead(uuid: str) -> None:
    """A pod of ours that does not run: whoever ran it was killed, and machined keeps what is in a
    unit that runs (again)."""
    if os.path.lexists(f"{REGISTERED}/{name_of(uuid)}"):
        forget(uuid)


def _call(method: str, *arguments: str | int | bytes) -> None:
    from podwright.host.bus import Bus, BusError

    try:
        bus = Bus()
        try:
            bus.call(SERVICE, PATH, method, *arguments, interface=INTERFACE)
        finally:
            bus.close()
    except BusError as err:
        raise HostError(f"systemd-machined: {err}", "machinectl does not show the pod") from None
