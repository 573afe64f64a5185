# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scope of systemd for a pod that somebody runs in a log-in session (org.freedesktop.systemd1(5)).

Under cgroup v2 only what systemd has delegated may be divided, and a session is not. So whoever
runs the pod moves into a unit of its own, which ends with it: limits hold, systemd-cgls and
systemctl status show the pod, and nobody else's control group is touched. In a service nothing
is moved: what it may use is up to the service.
"""

from __future__ import annotations

import os
import time

from podwright.host.cgrouptree import read
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

SERVICE = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"
INTERFACE = "org.freedesktop.systemd1.Manager"
SLICE = "machine.slice"
SIGNATURE = "ssa(sv)a(sa(sv))"
PATIENCE = 10.0
"""Seconds for systemd to move us."""
POLL = 0.002


def enter(name: str) -> str:
    """Move ourselves into a new scope, `name`.scope; returns when we are there, or why we are not."""
    from podwright.host.bus import Bus, BusError

    unit = f"{name}.scope"
    try:
        bus = Bus()
        try:
            body = (SIGNATURE, request(unit, os.getpid()))
            bus.call(SERVICE, PATH, "StartTransientUnit", interface=INTERFACE, body=body)
        finally:
            bus.close()
    except BusError as err:
        return f"systemd gives us no scope: {safe(err, 200)}"
    deadline = time.monotonic() + PATIENCE
    while f"/{unit}" not in read("/proc/self/cgroup"):
        if time.monotonic() > deadline:
            return f"systemd has not made {unit} in {PATIENCE:g} seconds"
        time.sleep(POLL)
    return ""


def request(unit: str, pid: int) -> bytes:
    """The arguments of StartTransientUnit for a scope with one process. Pure."""
    body = _Body()
    body.text(unit)
    body.text("fail")
    began = body.begin()
    body.property("Description", "s", f"podwright pod {unit[len('podwright-') : -len('.scope')]}")
    body.property("Slice", "s", SLICE)
    body.property("PIDs", "au", pid)
    body.property("Delegate", "b", 1)
    body.property("CollectMode", "s", "inactive-or-failed")
    body.finish(began)
    body.finish(body.begin())
    return bytes(body.data)


class _Body:
    """As much of the D-Bus specification as these arguments take, in little endian."""

    def __init__(self) -> None:
        self.data = bytearray()

    def pad(self, to: int) -> None:
        self.data += bytes(-len(self.data) % to)

    def number(self, number: int) -> None:
        self.pad(4)
        self.data += number.to_bytes(4, "little")

    def text(self, text: str) -> None:
        data = text.encode()
        self.number(len(data))
        self.data += data + b"\0"

    def begin(self) -> tuple[int, int]:
        """An array of structures: where its size is, and where it begins."""
        self.number(0)
        at = len(self.data) - 4
        self.pad(8)
        return at, len(self.data)

    def finish(self, array: tuple[int, int]) -> None:
        """Its size is known now; the padding before the first structure does not count."""
        at, began = array
        self.data[at : at + 4] = (len(self.data) - began).to_bytes(4, "little")

    def property(self, name: str, kind: str, content: Union[str, int]) -> None:
        """A pair of a name and a variant."""
        self.pad(8)
        self.text(name)
        self.data += bytes([len(kind)]) + kind.encode() + b"\0"
        if isinstance(content, str):
            self.text(content)
        elif kind == "au":
            self.number(4)
            self.number(content)
        else:
            self.number(content)
