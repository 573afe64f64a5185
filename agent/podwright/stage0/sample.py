# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods with what they use at one moment: what `top` and `metrics` show."""

from __future__ import annotations

import time

from podwright.errors import PodwrightError
from podwright.host import identity, usage
from podwright.stage0 import pods, report
from podwright.stage1.namespaces import record
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.host.usage import Traffic, Usage

SHOWN = (pods.PREPARE, pods.PREPARED, pods.RUN, pods.EXITED_GARBAGE, pods.GARBAGE)


@value
class Sample:
    """A pod as `stage0.report` tells it, and what it uses; nothing when it does not run.

    apps   app name -> what it uses
    links  of a network of its own
    """

    pod: dict[str, Any]
    usage: Usage
    apps: dict[str, Usage]
    links: tuple[Traffic, ...]
    at: float

    @property
    def running(self) -> bool:
        """Whether it ran."""
        return bool(self.pod["state"] == "running")


def take(layout: Layout, directories: tuple[str, ...] = SHOWN) -> list[Sample]:
    """All pods, by UUID; one that is met twice on its way from state to state counts where it is."""
    found = {pod.uuid: pod for pod in pods.each(layout, directories)}
    return [of(pod) for _, pod in sorted(found.items())]


def of(pod: pods.Pod) -> Sample:
    """One pod."""
    seen = report.report(pod)
    init = _init(pod) if seen["state"] == "running" else None
    at = time.monotonic()
    if init is None:
        return Sample(seen, usage.Usage(), {}, (), at)
    pid = init.process["pid"]
    apps = {name: usage.of(init.cgroups, name) for name in seen["app_names"]}
    whole = usage.of(init.cgroups, "", pid)
    links = usage.traffic(pid) if seen["networks"] else ()
    if identity.start_time(pid) != init.process["start_time"]:
        return Sample(seen, usage.Usage(), {}, (), at)  # it has just ended
    return Sample(seen, whole, apps, links, at)


def _init(pod: pods.Pod) -> Optional[record.InitRecord]:
    """The pod's PID 1, when it has one in this boot."""
    try:
        init = record.read(pod.path)
        if init is None or not init.process.get("pid") or record.is_copy(pod.path):
            return None
    except (PodwrightError, OSError, KeyError, TypeError):
        return None
    if identity.start_time(init.process["pid"]) != init.process.get("start_time"):
        return None
    return init
