# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""End with a pod of flavour fly whatever its app has left behind (daemons, double forks).

There is no pid namespace to do it. Both the pod's init and its waiting parent adopt orphans, so
whoever of the two is left ends what the other had started: init when its app or its parent has
ended, the parent when init was killed. New processes are barred by the cgroup meanwhile, so that
no fork bomb is faster. If both are killed at once, gc goes by the cgroup (`host/leftovers.py`).
"""

from __future__ import annotations

import os

from podwright.kernel import orphans, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.cgroups import PodCgroup

_FLAGS = os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC


class Leftovers:
    """From the moment that orphans are adopted until `end`."""

    def __init__(self, group: PodCgroup) -> None:
        self.proc = os.open("/proc", _FLAGS)
        self.before = orphans.children(self.proc)
        place = group.places.get("pids")
        self.bar = -1
        if place is not None:
            self.bar = os.open(f"{place.path}/pids.max", os.O_WRONLY | os.O_CLOEXEC)
        orphans.adopt(True)

    def end(self, spared: int = 0) -> None:
        """Kill what is left; `spared` is a child that has nothing to do with the app."""
        if self.bar >= 0:
            os.write(self.bar, b"0")
        orphans.end(self.proc, {*self.before, spared})

    def close(self) -> None:
        """Adopt no more."""
        orphans.adopt(False)
        os.close(self.proc)
        if self.bar >= 0:
            os.close(self.bar)


def follow_parent(leftovers: Leftovers) -> None:
    """For init: when the parent ends, end everything, then ourselves."""

    def orphaned(_number: int, _frame: object) -> None:
        leftovers.end()
        os._exit(128 + signals.SIGKILL)

    signals.signal(signals.SIGPWR, orphaned)
    orphans.signal_with_parent(signals.SIGPWR)
