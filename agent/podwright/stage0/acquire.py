# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get an image from where it is: a name by discovery, a URL, a file; with its signature.

One process at a time fetches from one place; whoever waited uses what the first one stored.
"""

from __future__ import annotations

import contextlib
import os
import time

from podwright.errors import FetchError, LockedError, PodwrightError, VerifyError
from podwright.host.lock import HostLock
from podwright.stage0 import depend, fetch, images, spots, store, storewriter, verdict
from podwright.stage0.judge import detached
from podwright.stage0.web import givenlogins, sources  # fmt: skip
from podwright.stage0.web.netchild import RemoteClient
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.dependency import Dependency
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import FetchOptions, Progress
    from podwright.stage0.judge.detached import Signature
    from podwright.stage0.spots import Spot
    from podwright.stage0.store import Record
    from podwright.stage0.web.transport import Client

FETCH_WAIT = 1800.0


class Road:
    """What the fetches of one call share, an image's and those of what it is built on.

    locks  of the places that are being fetched from
    """

    def __init__(
        self,
        layout: Layout,
        options: FetchOptions,
        progress: Optional[Progress],
        cwd: Optional[str],
    ) -> None:
        self.layout = layout
        self.options = options
        self.cwd = cwd
        self.locks: list[HostLock] = []
        self.builder = depend.Builder(layout, options, self._dependency)
        self._progress = progress
        self._client: Optional[Client] = None

    def __enter__(self) -> Road:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.__exit__()

    @property
    def client(self) -> Client:
        """The connections, made when the first one is needed."""
        if self._client is None:
            self._client = _connect(self.layout, self.options)
        return self._client

    def report(self, ref: ImageRef) -> Callable[[int, Optional[int]], None]:
        """Tells whoever watches how much of an image has come."""

        def report(done: int, total: Optional[int]) -> None:
            if self._progress is not None:
                self._progress(ref.text, done, total)

        return report

    def get(self, ref: ImageRef) -> Record:
        """Fetch an image with all that it is built on, unless the store has just that."""
        if ref.kind == "file":
            return _from_file(self, ref)
        return _from_url(self, spots.find(self.client, ref), ref)

    def _dependency(self, need: Dependency) -> Record:
        spot = spots.find(self.client, need.ref)
        asked = {label for label, _ in need.labels}
        optional = tuple(label for label in depend.FILLED if label not in asked)
        return _from_url(self, replace(spot, optional=optional), need.ref)


@contextlib.contextmanager
def _locked(road: Road, place: str) -> Iterator[None]:
    """Hold the lock of a place.

    Whoever fetches what an image is built on does not wait while it holds the image's own lock:
    two images that are built on each other would make two processes wait for each other. What
    the lock is given up for may then be downloaded twice; it is stored once all the same.
    """
    lock = HostLock(
        f"{road.layout.locks}/fetch-{store.short_digest(place)}",
        f"fetching {safe(place, 160)}",
        0.0 if road.locks else FETCH_WAIT,
    )
    try:
        lock.__enter__()
    except LockedError:
        if not road.locks:
            raise
        for held in road.locks:
            held.__exit__(None, None, None)
        lock.timeout = FETCH_WAIT
        lock.__enter__()
    road.locks.append(lock)
    try:
        yield
    finally:
        road.locks.pop()
        lock.__exit__(None, None, None)


def _connect(layout: Layout, options: FetchOptions) -> RemoteClient:
    logins = givenlogins.keyring(layout, options.credentials)
    return RemoteClient(layout, options.insecure, logins)


def get(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    cwd: Optional[str],
) -> Record:
    """Fetch what the argument names, or find that the store already has it; the stored record."""
    try:
        storewriter.ensure(layout)
        with Road(layout, options, progress, cwd) as road:
            return road.get(ref)
    except OSError as err:
        raise fetch.disk_error(err, ref.text) from None


def current(
    layout: Layout, ref: ImageRef, options: FetchOptions, cwd: Optional[str]
) -> Optional[Record]:
    """The stored record when the place still has just that; None when `get` would fetch."""
    if ref.kind == "file":
        os.close(sources.open_regular(images.file_path(ref, cwd), "image"))
        spot = spots.of_file(ref, cwd)
        known = _known(layout, spot, options)
        same = known is not None and known[1].get("stat") == images.file_state(ref, cwd)
        return known[0] if known and same else None
    with _connect(layout, options) as client:
        spot = spots.find(client, ref)
        known = _known(layout, spot, options)
        if known is None:
            return None
        record, memory = known
        etag = str(memory.get("etag", ""))
        if _fresh(memory):
            return record
        reply = client.open(spot.image, {"If-None-Match": etag} if etag else {})
        try:
            unchanged = reply.status == 304 or bool(etag and reply.header("ETag") == etag)
            return record if unchanged else None
        finally:
            client.done(reply)


def _known(
    layout: Layout, spot: Spot, options: FetchOptions
) -> Optional[tuple[Record, dict[str, Any]]]:
    """What the store has of a place, when it would do: the verdict holds, the labels agree."""
    memory = store.read_place(layout, spot.place)
    record = store.read_record(layout, str(memory.get("id"))) if memory else None
    if memory is None or record is None or (spot.name and record.name != spot.name):
        return None
    labels = dict(record.labels)
    for label, text in spot.labels:
        if labels.get(label, text if label in spot.optional else None) != text:
            return None
    if not depend.complete(layout, record):
        return None
    try:
        verdict.reevaluate(layout, verdict.subject_of(record), record.verdict, options.insecure)
    except VerifyError:
        return None
    return record, memory


def _fresh(memory: dict[str, Any]) -> bool:
    until = memory.get("fresh_until", 0)
    return isinstance(until, (int, float)) and until > time.time()


def _settled(options: FetchOptions) -> bool:
    """Whether what is stored by now is good enough: somebody stored it after we had looked."""
    return options.pull_policy == "new" and not options.digest


def _from_url(road: Road, spot: Spot, ref: ImageRef) -> Record:
    asked = time.time()
    layout, client, options = road.layout, road.client, road.options
    with _locked(road, spot.place):
        known = _known(layout, spot, options)
        if known and (
            _settled(options) or _fresh(known[1]) or store.fetched_since(known[1], asked)
        ):
            return _as_latest(layout, known[0], spot)
        copy = f"{layout.tmp}/partial-{store.short_digest(spot.place)}"
        download = sources.Download(client, spot.image, copy, road.report(ref))
        etag = str(known[1].get("etag", "")) if known else ""
        if known and etag and not download.begin(etag):
            _remember(layout, spot, known[0], download)
            return _as_latest(layout, known[0], spot)
        if len(road.locks) > 1:
            # those are of the image above
            options = replace(options, signature="", digest="")
        signature = detached.read(layout, client, spot, options, road.cwd)
        if spot.name:
            detached.reject_early(layout, client, spot.name, signature, options)
        if not etag:
            download.begin()
        wanted = _wanted(spot, ref, options, signature)
        try:
            record = fetch.fetch(
                layout, wanted, lambda _copy: download.chunks(), copy, road.builder.compose
            )
        except FetchError:
            raise  # what has arrived is of use to the next try
        except PodwrightError:
            download.discard()
            raise
        _remember(layout, spot, record, download)
        return record


def _remember(layout: Layout, spot: Spot, record: Record, download: sources.Download) -> None:
    now = time.time()
    known = {
        "id": record.id,
        "etag": download.etag,
        "fetched": now,
        "fresh_until": now + download.max_age if download.max_age else 0,
    }
    storewriter.write_place(layout, spot.place, known)


def _as_latest(layout: Layout, record: Record, spot: Spot) -> Record:
    """A stored image that discovery answered without a version is the latest now."""
    if not spot.latest or record.latest:
        return record
    record = replace(record, latest=True)
    with store.lock(layout, f"storing image {record.name}"):
        storewriter.write_record(layout, record)
        storewriter.only_latest(layout, record)
    return record


def _from_file(road: Road, ref: ImageRef) -> Record:
    layout, options = road.layout, road.options
    spot = spots.of_file(ref, road.cwd)
    with _locked(road, spot.place):
        state = images.file_state(ref, road.cwd)
        known = _known(layout, spot, options)
        if known and state and known[1].get("stat") == state:
            return known[0]
        os.close(sources.open_regular(spot.image, "image"))
        signature = detached.read(layout, None, spot, options, road.cwd)
        wanted = _wanted(spot, ref, options, signature)
        record = fetch.fetch(
            layout,
            wanted,
            lambda copy: sources.from_file(spot.image, copy, road.report(ref)),
            compose=road.builder.compose,
        )
        now = time.time()
        storewriter.write_place(
            layout, spot.place, {"id": record.id, "stat": state, "fetched": now}
        )
        return record


def _wanted(
    spot: Spot, ref: ImageRef, options: FetchOptions, signature: Optional[Signature]
) -> fetch.Wanted:
    source = {"kind": ref.kind, "ref": ref.text, "url": spot.image}
    if signature is not None:
        source["signature"] = signature.where
    lifted = tuple(word for word in fetch.FETCH_WORDS if word in options.insecure)
    return fetch.Wanted(
        shown=ref.text,
        name=spot.name,
        labels=spot.labels,
        signature=signature,
        options=lifted,
        latest=spot.latest,
        source=source,
        optional=spot.optional,
        digest=options.digest,
    )
