# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of this host, for as many listeners as there are: one thread looks, the others wait for it."""

from __future__ import annotations

import threading
import time

from podwright.api import changes
from podwright.errors import PodwrightError
from podwright.kernel.inotify import Watch
from podwright.stage0 import pods, report, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.api.changes import Happened, SeenPod
    from podwright.host.paths import Layout

KEPT = 4096
"""Events for those who come later or are slow."""
POLL = 1.0
"""Seconds after which is looked anyway: a lock that is let go of tells nobody."""


class Events:
    """Begins to look at once."""

    def __init__(self, layout: Layout, note: Callable[[str], None]) -> None:
        self._layout = layout
        self._note = note
        self._watch = Watch()
        self._changed = threading.Condition()
        self._kept: list[tuple[int, Happened]] = []
        self._first = 0
        self._stopped = False
        self._pods, self._images = self._look()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            self._watch.wait(POLL)
            try:
                found, images = self._look()
            except (PodwrightError, OSError) as err:
                self._note(f"events: {err}")
                time.sleep(POLL)
                continue
            new = [*changes.between(self._pods, found), *changes.images(self._images, images)]
            self._pods, self._images = found, images
            with self._changed:
                self._kept += [(int(time.time()), one) for one in new]
                gone = max(0, len(self._kept) - KEPT)
                del self._kept[:gone]
                self._first += gone
                self._changed.notify_all()

    def _look(self) -> tuple[dict[str, SeenPod], dict[str, str]]:
        """Watches first, then looks: what changes meanwhile is looked at again."""
        for directory in pods.DIRECTORIES:
            self._watch.on(f"{self._layout.pods}/{directory}")
        self._watch.on(self._layout.images)
        found = {}
        for pod in pods.each(self._layout):
            if pod.directory == pods.RUN:
                self._watch.on(pod.path)
            found[pod.uuid] = changes.seen(report.report(pod))
        images = {}
        known = getattr(self, "_images", {})
        for image_id in store.image_ids(self._layout):
            if image_id in known:
                images[image_id] = known[image_id]
                continue
            try:
                record = store.read_record(self._layout, image_id)
            except PodwrightError:
                record = None
            if record is not None:
                images[image_id] = record.name
        return found, images

    def position(self, since: int) -> int:
        """From where on a listener reads: the first event at or after a time, 0 for those to come."""
        with self._changed:
            if since:
                for index, (when, _) in enumerate(self._kept):
                    if when >= since:
                        return self._first + index
            return self._first + len(self._kept)

    def after(self, position: int, seconds: float) -> tuple[int, list[tuple[int, Happened]]]:
        """What there is from a position on, waiting for it at most so long; and the next position."""
        with self._changed:
            if position >= self._first + len(self._kept):
                self._changed.wait(seconds)
            start = max(0, position - self._first)
            return self._first + len(self._kept), self._kept[start:]

    def wake(self) -> None:
        """Let listeners look whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        self._watch.wake()
        self._thread.join()
        self._watch.close()
        self.wake()
