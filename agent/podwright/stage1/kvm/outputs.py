# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the outputs of a machine's apps go: to the same logs as those of any pod, or to our own output."""

from __future__ import annotations

import os

from podwright.stage1.kvm.frames import Nonsense
from podwright.stage1.kvm.ports import Logged, Own, own_output
from podwright.stage2.logsinks import FileSink, JournalSink, RotatedFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage1.kvm.channel import Channel, Stream
    from podwright.stage1.namespaces.sinks import Sinks
    from podwright.stage2.logsinks import Sink

NAMES = ("stdout", "stderr")


class Outputs:
    """Made while our /proc is the host's."""

    def __init__(self, apps: frozenset[str], sinks: Optional[Sinks]) -> None:
        self.apps = apps
        self.sinks = sinks
        self.own = {name: own_output(fd) for fd, name in enumerate(NAMES, 1)}
        self.together = sinks is None and _same(1, 2)
        self.logged: list[Logged] = []
        self._opened: set[tuple[str, str]] = set()
        self._files: dict[str, RotatedFile] = {}

    def descriptors(self) -> frozenset[int]:
        """What has to stay open."""
        return frozenset(self.own.values())

    def open(self, channel: Channel, number: int, asked: dict[str, Any]) -> Stream:
        """The stream of an output that the guest opens. Raises Nonsense."""
        app, name = asked.get("app"), asked.get("name")
        if not isinstance(app, str) or app not in self.apps or name not in NAMES:
            raise Nonsense("an output that the pod does not have")
        if (app, name) in self._opened:
            raise Nonsense("an output for the second time")
        self._opened.add((app, name))
        sink = self._sink(app, name)
        if sink is None:
            return Own(channel, number, asked, os.dup(self.own[name]))
        made = Logged(channel, number, asked, sink)
        self.logged.append(made)
        return made

    def _sink(self, app: str, name: str) -> Optional[Sink]:
        sinks = self.sinks
        if sinks is None:
            return None
        files = sinks.files.get(app)
        if files is not None:
            if app not in self._files:
                self._files[app] = RotatedFile(files, sinks.max_size)
            return FileSink(self._files[app], name)
        if sinks.journal is None or name not in sinks.journaled:
            return None
        return JournalSink(sinks.journal, app, name, sinks.fields)

    def tick(self) -> bool:
        """Try again what logs did not take; whether all is passed on."""
        settled = True
        for each in self.logged:
            settled = each.tick() and settled
        return settled


def _same(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False
