# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of an image: found in the store, or fetched several at once and published when done.

A layer's tree is named by the digest of its bytes as served, and shared by all images that have it.
That digest is made by the agent itself. The diff ID comes from the decoder, which a hostile layer
may have taken over: were it the name, such a layer could take the place of one that a signed image
has. A layer that took something from the layers below is right only on top of these, so its name
is made as a chain ID is (image-spec config.md). What is finished stays when the rest fails: the
next try begins there.

Layers are taken up lowest first, and one that needs those below waits for them; so whoever waits,
waits for somebody who does not wait for it. While it waits it holds no lock (threats.md T88).
"""

from __future__ import annotations

import contextlib
import hashlib
import threading

from podwright.errors import FetchError, HostError, ImageError, VerifyError
from podwright.host.lock import HostLock
from podwright.kernel import fs
from podwright.stage0 import store, storewriter, treecheck
from podwright.stage0.oci.checked import Checked
from podwright.stage0.oci.publisher import Finished, Publisher
from podwright.stage0.oci.source import short
from podwright.stage0.render import ingest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.oci.source import Found, Source

    Report = Callable[[int, Optional[int]], None]

WORKERS = 3
"""Layers that come at the same time: one more than most hosts need, since each also waits."""
WAIT = 1800.0


def ensure(layout: Layout, source: Source, found: Found, report: Report) -> tuple[store.Layer, ...]:
    """Have every layer of an image in the store; what its root is stacked from, lowest first.

    report  called with (bytes that came, bytes that are to come in all)
    Raises the first error of any layer.
    """
    return _Fetch(layout, source, found, report).run()


class _Fetch:
    def __init__(self, layout: Layout, source: Source, found: Found, report: Report) -> None:
        self._layout = layout
        self._source = source
        self._layers = found.manifest.layers
        self._diffs = [digest.partition(":")[2] for digest in found.config.diff_ids]
        self._names = [layer.digest.partition(":")[2][:64] for layer in self._layers]
        self._chains = chain_ids(self._names)
        self._report = report
        self._mutex = threading.Lock()
        self._next = 0
        self._came = 0
        self._coming = 0
        self._error: Optional[BaseException] = None
        self._done: list[Optional[store.Layer]] = [None] * len(self._diffs)
        self._ready = [threading.Event() for _ in self._diffs]
        self._publisher = Publisher(layout, self._published, self._fail)

    def run(self) -> tuple[store.Layer, ...]:
        missing = 0
        for number, layer in enumerate(self._layers):
            if self._stored(number) is None:
                missing += 1
                self._coming += layer.size
        others = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(WORKERS, missing) - 1)
        ]
        try:
            for thread in others:
                thread.start()
            self._work()
            for thread in others:
                thread.join()
        finally:
            self._publisher.close()
        if self._error is not None:
            raise self._error
        return stacked([layer for layer in self._done if layer is not None])

    def _work(self) -> None:
        try:
            while (number := self._take()) is not None:
                found = self._one(number)
                if found is not None:
                    self._have(number, found)
        except BaseException as err:
            self._fail(err)

    def _have(self, number: int, layer: store.Layer) -> None:
        """A layer is in the store."""
        self._done[number] = layer
        self._ready[number].set()

    def _published(self, finished: Finished) -> None:
        """What the store has under this name is this, whoever was there first (`publish_tree`)."""
        self._have(finished.number, finished.layer)

    def _fail(self, err: BaseException) -> None:
        """The first error of any thread is everybody's."""
        with self._mutex:
            self._error = self._error or err
        for event in self._ready:
            event.set()

    def _take(self) -> Optional[int]:
        with self._mutex:
            if self._error is not None or self._next == len(self._layers):
                return None
            self._next += 1
            return self._next - 1

    def _one(self, number: int) -> Optional[store.Layer]:
        """A layer that the store has; None when it is now on its way into it."""
        found = self._stored(number)
        if found is not None:
            return found
        name = self._names[number][:32]
        shown = f"fetching layer {self._layers[number].digest[:19]}"
        lock = HostLock(f"{self._layout.locks}/layer-{name}", shown, WAIT)
        with contextlib.ExitStack() as held:
            held.enter_context(lock)
            found = self._stored(number)
            if found is None:
                tree, layer = self._fetch(number, lock, held)
                self._publisher.add(Finished(number, tree, layer, lock, held.pop_all()))
            elif lock.fd is not None:
                fs.unlink(lock.path)
        return found

    def _stored(self, number: int) -> Optional[store.Layer]:
        """The tree of a layer when the store has one that is right in this place."""
        for digits in self._places(number):
            tree = f"sha256-{digits}"
            mark = _mark(self._layout, tree)
            if mark is None or mark.get("plain") != self._diffs[number]:
                continue
            if not mark.get("borrowed") or digits == self._chains[number]:
                return store.Layer(tree, str(mark.get("mtree", "")))
        return None

    def _places(self, number: int) -> tuple[str, ...]:
        """The names that a layer may have in the store.

        In archives of docker the names of layers are diff IDs, which are only claimed. A tree of
        such a name is right, since its own bytes have that digest; a chain of them says nothing.
        """
        if self._source.names_layers:
            return (self._names[number], self._chains[number])
        return (self._names[number],)

    def _name(self, number: int, done: ingest.Ingested) -> str:
        """The name of a layer that was read just now, by digests that the agent made itself."""
        if self._source.names_layers:
            return self._chains[number] if done.borrowed else self._names[number]
        if not done.borrowed:
            return done.raw
        below = [layer.tree.partition("-")[2] for layer in self._done[:number] if layer is not None]
        return chain_ids([*below, done.raw])[-1]

    def _fetch(
        self, number: int, lock: HostLock, held: contextlib.ExitStack
    ) -> tuple[str, store.Layer]:
        """Fetch a layer from the first server that has what its digest says: (path, what it is).

        held  gets the directory in which it is
        """
        for attempt in range(self._source.tries):
            before = self._came
            with contextlib.ExitStack() as place:
                work = place.enter_context(storewriter.Workspace(self._layout, "layer"))
                try:
                    layer = self._ingest(number, attempt, lock, f"{work.path}/tree")
                except (FetchError, VerifyError, ImageError):
                    if attempt + 1 == self._source.tries or self._error is not None:
                        raise
                    self._progress(before - self._came)
                    continue
                held.push(place.pop_all())
                return f"{work.path}/tree", layer
        raise AssertionError("unreachable")

    def _ingest(self, number: int, attempt: int, lock: HostLock, tree: str) -> store.Layer:
        layer, shown = self._layers[number], self._source.shown
        what = f"image {shown}: layer {layer.digest[:19]}"
        fs.mkdir(tree)
        checked = Checked(layer.digest)
        done = ingest.ingest(
            checked.pass_on(self._chunks(number, attempt)),
            tree,
            "layer",
            shown=what,
            expect=checked.expect if self._source.names_layers else "",
            lowers=lambda: self._lowers(number, lock),
        )
        if done.raw_size != layer.size:
            raise short(shown, layer, done.raw_size)
        if self._source.names_layers:
            checked.check(what)
        if done.plain != self._diffs[number]:
            raise VerifyError(
                f"{what} holds sha256:{done.plain}, its configuration names "
                f"sha256:{self._diffs[number]}",
                "have it built and pushed again",
                object=shown,
                reason="wrong-digest",
            )
        name = f"sha256-{self._name(number, done)}"
        ingest.mark_rendered(tree, name, done)
        return store.Layer(name, done.mtree)

    def _chunks(self, number: int, attempt: int) -> Iterator[bytes]:
        for chunk in self._source.layer(self._layers[number], attempt, self._progress):
            if self._error is not None:
                raise FetchError(f"image {self._source.shown}: another layer failed")
            yield chunk

    def _progress(self, size: int) -> None:
        with self._mutex:
            self._came += size
            came = self._came
        self._report(came, self._coming)

    def _lowers(self, number: int, lock: HostLock) -> list[str]:
        """Roots of the layers below, top first, as soon as all are there."""
        if lock.fd is not None:
            fs.unlink(lock.path)
            lock.release()
        out = []
        for below in range(number):
            if not self._ready[below].wait(WAIT) or self._error is not None:
                raise HostError(f"image {self._source.shown}: the layers below are not there")
            layer = self._done[below]
            assert layer is not None
            out.append(store.tree_path(self._layout, layer.tree))
        return list(dict.fromkeys(reversed(out)))


def chain_ids(names: list[str]) -> list[str]:
    """The chain ID of each layer, all as hex digits: its own name on top of the ones below."""
    out: list[str] = []
    for name in names:
        if not out:
            out.append(name)
            continue
        text = f"sha256:{out[-1]} sha256:{name}"
        out.append(hashlib.sha256(text.encode()).hexdigest())
    return out


def stacked(layers: list[store.Layer]) -> tuple[store.Layer, ...]:
    """Each layer once, where it is highest: what a second one below adds, it adds itself."""
    return tuple(reversed(list(dict.fromkeys(reversed(layers)))))


def _mark(layout: Layout, tree: str) -> Optional[dict[str, Any]]:
    """What is written in a complete tree's mark; None without one of the format that we write."""
    mark = treecheck.read_mark(layout, tree)
    return mark if mark is not None and mark.get("format") == ingest.MARK_FORMAT else None


def tree_size(layout: Layout, tree: str) -> int:
    """Bytes of the regular files of a tree, by its list."""
    total = 0
    with open(f"{layout.trees}/{tree}/mtree", "rb") as file:
        for line in file:
            at = line.find(b" size=")
            if at >= 0 and b" type=file" in line:
                total += int(line[at + 6 :].split(None, 1)[0])
    return total
