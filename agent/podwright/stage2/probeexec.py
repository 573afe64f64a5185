# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One try of a probe that is a command in the app, and the end of all that it has started.

Each such probe has a control group of its own below its app's, so that what it leaves behind is
found, and nothing of the app is meant.
"""

from __future__ import annotations

import os

from podwright.kernel import signals, unixsocket
from podwright.kernel.step import step
from podwright.stage2 import app as apps
from podwright.stage2.leftovers import Group, directory_of
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.model.probe import Probe
    from podwright.stage2.appstate import App
    from podwright.stage2.starter import Starter

KEPT = 200
"""Bytes of a command's output that are kept: the last ones."""
AT_ONCE = 65536


class Place:
    """Where the processes of one app's probe are.

    joins   descriptors of files to write "0" to
    group   what ends them; None where the host gives us no control group
    """

    def __init__(self, joins: tuple[int, ...], group: Optional[Group]) -> None:
        self.joins = joins
        self.group = group

    def clear(self) -> bool:
        """Kill what is there; True when nothing was. Else ask again: the killed take a moment."""
        try:
            return self.group is None or self.group.end()
        except OSError:
            return False


def make_place(group: PodCgroup, app: str, role: str) -> Place:
    """Made while PID 1 is root of the host still."""
    files = [
        f"{os.path.dirname(path)}/_{role}/{os.path.basename(path)}" for path in group.app_files(app)
    ]
    for path in files:
        step("mkdir")
        os.mkdir(os.path.dirname(path), 0o755)
    joins = tuple(os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in files)
    directory = directory_of(files)
    return Place(joins, None if directory is None else Group(directory))


class ExecTry:
    """Good when the command ends with 0. `pid` is 0 when it could not be started, or was reaped."""

    def __init__(self, probe: Probe, app: App, starter: Starter, place: Place) -> None:
        self.command = probe.exec[0]
        self.output = b""
        self.status: Optional[int] = None
        self.pipe, write = os.pipe()
        unixsocket.notify(self.pipe)
        try:
            stdio = apps.Stdio(starter.quiet.stdin, write, write)
            self.pid, self.why = starter.probe(app, probe.exec, self._told, stdio, place.joins)
        finally:
            os.close(write)
        if not self.pid:
            self.status = apps.EXEC_FAILED

    def _told(self, why: str) -> None:
        """It could not execute its program."""
        self.why = why

    def _read(self) -> None:
        """Take what it has written, so that it is not held up."""
        try:
            piece = os.read(self.pipe, AT_ONCE)
        except BlockingIOError:
            return
        self.output = (self.output + piece)[-KEPT:]

    def poll(self) -> Optional[str]:
        """ "" when it was good, why it was not, or None as long as that is open."""
        self._read()
        if self.status is None:
            return None
        if self.status == 0:
            return ""
        if self.why:
            return safe(self.why, 200)
        said = self.output.strip()
        return f"ended with {self.status}" + (f": {safe(said, 300)}" if said else "")

    def late(self, seconds: float) -> str:
        """What to say when the time is over."""
        said = self.output.strip()
        return f"it was killed after {seconds:g} s" + (f": {safe(said, 300)}" if said else "")

    def close(self) -> None:
        """End it, if it still runs. Who reaps it tells `ended`."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
        if self.pid:
            os.kill(self.pid, signals.SIGKILL)
            try:
                os.killpg(self.pid, signals.SIGKILL)
            except ProcessLookupError:
                return  # it has not made its session yet

    def ended(self, status: int) -> None:
        """It was reaped."""
        self.pid = 0
        self.status = status
