# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put finished layers into the store, once they are on disk, while others are still being made.

The disk is waited for in a thread of its own, and once for all layers that were finished when the
waiting began.
"""

from __future__ import annotations

import contextlib
import queue

from podwright.host.lock import HostLock
from podwright.kernel import durable, fs
from podwright.stage0 import store, storewriter
from podwright.stage0.render.worker import Worker
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.host.paths import Layout


@value
class Finished:
    """A layer of which nothing is missing but that it may not be on disk yet.

    tree  the directory in which it was made
    held  what is to be let go when it is published, or when that fails
    """

    number: int
    tree: str
    layer: store.Layer
    lock: HostLock
    held: contextlib.ExitStack


class Publisher:
    """Publishes in the order in which layers are finished. Use `close` in any case.

    published  called after each one, in the thread of the publisher
    failed     called with each error; after one nothing more is published, since the kernel tells
               of lost writes only once
    """

    def __init__(
        self,
        layout: Layout,
        published: Callable[[Finished], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._layout = layout
        self._published = published
        self._failed = failed
        self._broken = False
        self._queue: queue.SimpleQueue[Optional[Finished]] = queue.SimpleQueue()
        self._disk = durable.FileSystem(layout.tmp)
        self._worker = Worker(self._run)

    def add(self, finished: Finished) -> None:
        """Hand a layer over, with what it holds."""
        self._queue.put(finished)

    def close(self) -> None:
        """Publish what was handed over, and end."""
        self._queue.put(None)
        self._worker.join()
        self._disk.close()

    def _run(self) -> None:
        more = True
        while more:
            waiting = [self._queue.get()]
            while not self._queue.empty():
                waiting.append(self._queue.get())
            layers = [finished for finished in waiting if finished is not None]
            more = len(layers) == len(waiting)
            with self._reported():
                if layers and not self._broken:
                    self._publish(layers)
            for finished in layers:
                with self._reported():
                    finished.held.close()

    def _publish(self, layers: list[Finished]) -> None:
        self._disk.sync()
        for finished in layers:
            with store.lock(self._layout, f"storing layer {finished.layer.tree[:19]}"):
                storewriter.publish_tree(self._layout, finished.tree, finished.layer.tree)
            if finished.lock.fd is not None:
                fs.unlink(finished.lock.path)
            self._published(finished)

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except BaseException as err:
            self._broken = True
            self._failed(err)
