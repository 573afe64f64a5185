# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gc would mark and remove, without doing it."""

from __future__ import annotations

from podwright.stage0 import collect, pods
from podwright.stage0.collect import Collected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout


def plan(layout: Layout, grace: float, expire: float, mark_only: bool) -> Collected:
    """As `collect.collect` does it now: its rules, on what there is. What would stand in the way is not known."""
    problems: list[str] = []
    keep = collect.referenced(layout, problems)
    every = list(pods.each(layout))
    marked = tuple(pod.uuid for pod in every if collect.to_mark(pod, expire, keep, look=True))
    if mark_only:
        return Collected(marked, (), tuple(problems))
    garbage = (pods.EXITED_GARBAGE, pods.GARBAGE)
    removed = [
        pod.uuid
        for pod in every
        if pod.directory in garbage and not pod.locked and collect.age(pod.path, look=True) >= grace
    ]
    if grace <= 0:
        removed += [uuid for uuid in marked if uuid not in removed]
    return Collected(marked, tuple(removed), tuple(problems))
