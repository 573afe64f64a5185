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
from podwright.stage0 import (
    admission,
    depend,
    discover,
    fetch,
    givenlogins,
    images,
    keyfit,
    pgp,
    sources,
    store,
    trust,
    verdict,
    verify,
)  # fmt: skip
from podwright.stage0.netchild import RemoteClient
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.dependency import Dependency
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import AcceptKey, FetchOptions, Progress
    from podwright.stage0.store import Record
    from podwright.stage0.transport import Client

FETCH_WAIT = 1800.0
SMALL_KEY = 1024 * 1024
LOOK_SECONDS = 10.0


@value
class Spot:
    """Where one image is: URLs or paths, and what it must turn out to be.

    optional  labels that it may lack, but not have otherwise
    """

    place: str
    image: str
    signature: str
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    latest: bool = False
    optional: tuple[str, ...] = ()


class Signature:
    """The signature file of one fetch: read now, or later when the server asked for patience."""

    def __init__(self, where: str, load: Callable[[], Optional[bytes]]) -> None:
        self.where = where
        self._load = load
        loaded = load()
        self.pending = loaded is None
        self.data = loaded or b""

    def packets(self) -> tuple[pgp.Signature, ...]:
        """The signatures; asks once more when there was none before."""
        if self.pending:
            loaded = self._load()
            if loaded is None:
                raise VerifyError(
                    f"the signature {self.where} is not ready",
                    "try again later",
                    reason="no-signature",
                )
            self.data, self.pending = loaded, False
        return verify.read_signatures(self.data, self.where)


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
        return _from_url(self, find_spot(self.client, ref), ref)

    def _dependency(self, need: Dependency) -> Record:
        spot = find_spot(self.client, need.ref)
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
        store.ensure(layout)
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
        spot = _file_spot(ref, cwd)
        known = _known(layout, spot, options)
        same = known is not None and known[1].get("stat") == images.file_state(ref, cwd)
        return known[0] if known and same else None
    with _connect(layout, options) as client:
        spot = find_spot(client, ref)
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


def find_spot(client: Client, ref: ImageRef) -> Spot:
    """Where an image is that is named by URL or found by discovery."""
    if ref.kind == "url":
        return Spot(ref.location, ref.location, f"{ref.location}.asc")
    endpoint = discover.find_image(client, ref.name, ref.labels)
    labels = tuple(discover.wanted_labels(ref.labels).items())
    return Spot(
        endpoint.image, endpoint.image, endpoint.signature, ref.name, labels, not ref.version
    )


def _file_spot(ref: ImageRef, cwd: Optional[str]) -> Spot:
    path = images.file_path(ref, cwd)
    return Spot(images.place(ref, cwd), path, f"{path}.asc")


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


def _fetched_since(memory: dict[str, Any], moment: float) -> bool:
    when = memory.get("fetched", 0)
    return isinstance(when, (int, float)) and when >= moment


def _from_url(road: Road, spot: Spot, ref: ImageRef) -> Record:
    asked = time.time()
    layout, client, options = road.layout, road.client, road.options
    with _locked(road, spot.place):
        known = _known(layout, spot, options)
        if known and (_fresh(known[1]) or _fetched_since(known[1], asked)):
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
        signature = read_signature(layout, client, spot, options, road.cwd)
        if spot.name:
            _reject_early(layout, client, spot.name, signature, options)
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
    store.write_place(layout, spot.place, known)


def _as_latest(layout: Layout, record: Record, spot: Spot) -> Record:
    """A stored image that discovery answered without a version is the latest now."""
    if not spot.latest or record.latest:
        return record
    record = replace(record, latest=True)
    with store.lock(layout, f"storing image {record.name}"):
        store.write_record(layout, record)
        store.only_latest(layout, record)
    return record


def _from_file(road: Road, ref: ImageRef) -> Record:
    layout, options = road.layout, road.options
    spot = _file_spot(ref, road.cwd)
    with _locked(road, spot.place):
        state = images.file_state(ref, road.cwd)
        known = _known(layout, spot, options)
        if known and state and known[1].get("stat") == state:
            return known[0]
        os.close(sources.open_regular(spot.image, "image"))
        signature = read_signature(layout, None, spot, options, road.cwd)
        wanted = _wanted(spot, ref, options, signature)
        record = fetch.fetch(
            layout,
            wanted,
            lambda copy: sources.from_file(spot.image, copy, road.report(ref)),
            compose=road.builder.compose,
        )
        now = time.time()
        store.write_place(layout, spot.place, {"id": record.id, "stat": state, "fetched": now})
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


def read_signature(
    layout: Layout, client: Optional[Client], spot: Spot, options: FetchOptions, cwd: Optional[str]
) -> Optional[Signature]:
    """The signature file that belongs to the image; None when the check is lifted, or when there
    is none and a policy is to say whether one is needed.
    """
    if "image" in options.insecure:
        return None
    try:
        if options.signature or client is None:
            base = cwd if cwd is not None else os.getcwd()
            path = os.path.join(base, options.signature) if options.signature else spot.signature
            return Signature(path, lambda: _signature_file(path, spot.image))
        known = client
        return Signature(spot.signature, lambda: _signature_url(known, spot))
    except VerifyError as err:
        if err.reason != "no-signature" or options.signature or not verdict.has_policy(layout):
            raise
        return None


def _signature_file(path: str, image: str) -> bytes:
    if not os.path.exists(path):
        raise _unsigned(image, path)
    fd = sources.open_regular(path, "signature")
    with open(fd, "rb") as file:
        return file.read(pgp.MAX_SIGNATURE_BYTES + 1)


def _signature_url(client: Client, spot: Spot) -> Optional[bytes]:
    """The signature's bytes; None when the server says that it is still being made."""
    try:
        return client.get(spot.signature, pgp.MAX_SIGNATURE_BYTES)
    except FetchError as err:
        if err.reason == "http-202":
            return None
        if err.reason in ("http-404", "http-410", "http-403"):
            _look_for(client, spot)
            raise _unsigned(spot.name or spot.image, spot.signature) from None
        raise


def _look_for(client: Client, spot: Spot) -> None:
    """Raise FetchError when the image itself is not there: then no signature is to be missed."""
    reply = client.open(spot.image, deadline=time.monotonic() + LOOK_SECONDS)
    client.done(reply)
    if reply.status in (404, 410):
        version = dict(spot.labels).get("version", "latest")
        raise FetchError(
            f"image {safe(f'{spot.name}:{version}' if spot.name else spot.image, 200)}:"
            f" {reply.url} answers with status {reply.status}, there is no such image",
            "check its name and version",
            object=safe(spot.name or spot.image, 200),
            reason=f"http-{reply.status}",
        )


def _unsigned(image: str, where: str) -> VerifyError:
    return VerifyError(
        f"image {safe(image, 200)}: there is no signature at {safe(where, 300)}",
        "have it signed, or run it unverified with --insecure-options=image",
        object=safe(image, 200),
        reason="no-signature",
    )


def _reject_early(
    layout: Layout,
    client: Client,
    name: str,
    signature: Optional[Signature],
    options: FetchOptions,
) -> None:
    """Refuse before the download what cannot be accepted after it."""
    subject = verdict.aci(name)
    rule = admission.rule_for(layout, subject)
    admission.refuse_rejected(rule, subject)
    if "image" in options.insecure:
        return
    ours = any(each.trust_store for each in rule.requirements)
    if options.accept_key is not None and ours and not trust.keys_for(layout, name):
        _trust_discovered(layout, client, name, options.accept_key)
    packets: Optional[tuple[pgp.Signature, ...]] = None
    if signature is not None:
        packets = () if signature.pending else signature.packets()
    admission.reject_early(layout, subject, rule, packets)


def _trust_discovered(layout: Layout, client: Client, name: str, accept: AcceptKey) -> None:
    """Offer the keys that discovery announces; never over an unchecked connection by itself."""
    if client.insecure & {"tls", "http"} and "pubkey" not in client.insecure:
        return
    for prefix, url in discover.find_keys(client, name):
        armoured = client.get(url, SMALL_KEY)
        info = trust.inspect_key(armoured, f"key {url}")
        keyfit.require(info)
        if accept(info, prefix, url):
            keyfit.admit_key(layout, armoured, prefix=prefix, location=url)
