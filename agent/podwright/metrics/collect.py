# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All families of this host. What cannot be read is left out, and said so in a metric of its own."""

from __future__ import annotations

from podwright import __version__
from podwright.errors import PodwrightError
from podwright.metrics import host, pods
from podwright.metrics.text import Family
from podwright.stage0 import sample

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podwright.host.paths import Layout


def everything(layout: Layout, note: Callable[[str], None]) -> list[Family]:
    """Every family; `note` gets a sentence for each part that cannot be read."""
    parts = _Parts(note)
    found = parts.take("pods", lambda: pods.families(sample.take(layout)))
    running = {
        dict(labels)["pod"]
        for family in found
        if family.name == "podwright_pod_ready"
        for labels, _ in family.points
    }
    found += parts.take("named-pods", lambda: host.named(layout, running))
    found += parts.take("images", lambda: host.images(layout))
    found += parts.take("keys", lambda: host.keys(layout))
    found += parts.take("pull", lambda: host.pulls(layout))
    found += parts.take("counters", lambda: host.counted(layout))
    labels = (("version", __version__),)
    agent = Family("podwright_agent", "info", "The agent", ((labels, 1),))
    return [agent, *found, parts.family()]


class _Parts:
    """Which parts could be read."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._failed: dict[str, int] = {}

    def take(self, part: str, make: Callable[[], Iterable[Family]]) -> list[Family]:
        self._failed[part] = 0
        try:
            return list(make())
        except PodwrightError as err:
            self._note(f"metrics: {err.sentence()}")
        except Exception as err:  # the other parts are worth having
            self._note(f"metrics: {part}: {type(err).__name__}: {err}")
        self._failed[part] = 1
        return []

    def family(self) -> Family:
        points = tuple(((("part", part),), failed) for part, failed in self._failed.items())
        return Family(
            "podwright_unreadable", "gauge", "Whether a part of these metrics is missing", points
        )
