# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get a container image: find it in its place, judge it, and only then fetch its layers.

One process at a time fetches from one place; whoever waited uses what the first one stored. The
image that is published is the one that was judged: its manifest is in memory from the first answer
on, everything else has a digest in it.
"""

from __future__ import annotations

import hashlib
import time

from podwright import jsonio
from podwright.errors import StoreError, VerifyError
from podwright.host import clock
from podwright.host.lock import HostLock
from podwright.kernel import durable, fs
from podwright.model.convert import convert
from podwright.stage0 import expected, fetch, platform, store, storewriter, verdict
from podwright.stage0.judge import admission, signatures
from podwright.stage0.oci import layers, users
from podwright.stage0.oci.judge import collect, documents, judge
from podwright.stage0.oci.place import Place
from podwright.stage0.oci.source import find
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.model.imageref import ImageRef
    from podwright.stage0.images import FetchOptions, Progress
    from podwright.stage0.oci.judge import Judged
    from podwright.stage0.oci.place import Opened
    from podwright.stage0.oci.source import Found
    from podwright.stage0.store import Record

FETCH_WAIT = 1800.0
SWEPT_TRIES = 3
"""How often the layers are looked for again when some were removed before the image was there."""


def get(
    layout: Layout,
    ref: ImageRef,
    options: FetchOptions,
    progress: Optional[Progress],
    cwd: Optional[str],
) -> Record:
    """Fetch what the argument names, or find that the store already has it; the stored record."""
    storewriter.ensure(layout)
    try:
        with Place(layout, ref, options, cwd) as place:
            return _Job(layout, ref, options, place).run(progress)
    except OSError as err:
        raise fetch.disk_error(err, ref.text) from None


def current(
    layout: Layout, ref: ImageRef, options: FetchOptions, cwd: Optional[str]
) -> Optional[Record]:
    """The stored record when the place still has just that; None when `get` would fetch."""
    with Place(layout, ref, options, cwd) as place:
        return _Job(layout, ref, options, place).current()


def signed(
    layout: Layout, ref: ImageRef, options: FetchOptions, cwd: Optional[str]
) -> tuple[verdict.Subject, bytes, signatures.SignatureBlobs]:
    """What the policy would judge of an image that is not fetched: its manifest and signatures."""
    storewriter.ensure(layout)
    with Place(layout, ref, options, cwd) as place:
        return _Job(layout, ref, options, place).signed()


class _Job:
    def __init__(self, layout: Layout, ref: ImageRef, options: FetchOptions, place: Place) -> None:
        self._layout = layout
        self._ref = ref
        self._options = options
        self._place = place

    def run(self, progress: Optional[Progress]) -> Record:
        asked = time.time()
        subject = self._place.subject
        admission.refuse_rejected(admission.rule_for(self._layout, subject), subject)
        shown = f"fetching {safe(self._place.name, 160)}"
        lock = f"{self._layout.locks}/fetch-{store.short_digest(self._place.name)}"
        with HostLock(lock, shown, FETCH_WAIT):
            known = self._known()
            if known is not None and store.fetched_since(known[1], asked):
                return known[0]
            state = self._place.state()
            if known is not None and self._place.same(known[1], state):
                return known[0]
            with self._place.open() as opened:
                if known is not None and opened.unchanged(known[1]):
                    return known[0]
                record, top = self._fetch(opened, progress)
            memory = {"id": record.id, "top": top, "stat": state, "fetched": time.time()}
            storewriter.write_place(self._layout, self._place.name, memory)
            return record

    def current(self) -> Optional[Record]:
        known = self._known()
        if known is None or self._place.same(known[1], self._place.state()):
            return known[0] if known else None
        if self._ref.kind != "docker":
            return None
        with self._place.open() as opened:
            return known[0] if opened.unchanged(known[1]) else None

    def signed(self) -> tuple[verdict.Subject, bytes, signatures.SignatureBlobs]:
        """What the policy judges: the subject, its document and the signatures of that."""
        out = []
        with self._place.open() as opened:
            for digest, document in documents(find(opened.source)):
                subject = replace(self._place.subject, digest=digest)
                blobs = collect(self._layout, opened, subject, self._options.insecure)
                out.append((subject, document, blobs))
                if blobs.simple or blobs.sigstore:
                    return out[-1]
        return out[0]

    def _known(self) -> Optional[tuple[Record, dict[str, Any]]]:
        """What the store has of this place, when it would do: complete, and its verdict holds."""
        memory = store.read_place(self._layout, self._place.name)
        record = store.read_record(self._layout, str(memory.get("id"))) if memory else None
        if memory is None or record is None:
            return None
        if verdict.subject_of(record) != replace(self._place.subject, digest=record.digest):
            return None
        if not all(store.tree_complete(self._layout, layer.tree) for layer in record.layers):
            return None
        try:
            verdict.reevaluate(
                self._layout, verdict.subject_of(record), record.verdict, self._options.insecure
            )
        except VerifyError:
            return None
        return record, memory

    def _fetch(self, opened: Opened, progress: Optional[Progress]) -> tuple[Record, str]:
        """The stored record, and the digest of the document that the reference led to."""
        found = find(opened.source)
        subject = self._place.subject
        judged = judge(self._layout, opened, found, subject, self._options.insecure)
        labels = (*self._ref.labels, ("os", platform.OS), ("arch", platform.host_arch()))
        manifest = convert(found.config, self._ref.name, labels, self._place.origin(found))
        record = store.Record(
            id=image_id(manifest, subject, found.digest),
            name=manifest.name,
            labels=manifest.labels,
            verdict=judged.verdict,
            imported=clock.now(),
            latest=manifest.label("version") in ("", "latest"),
            size=0,
            source={"kind": self._ref.kind, "ref": self._ref.text, "url": subject.identity},
            transport=subject.transport,
            identity=subject.identity,
            digest=judged.digest,
        )
        expected.require(self._options.digest, self._ref.text, record.id, record.digest)

        def report(done: int, total: Optional[int]) -> None:
            if progress is not None:
                progress(self._ref.text, done, total)

        for attempt in range(SWEPT_TRIES):
            stack = layers.ensure(self._layout, opened.source, found, report)
            try:
                return self._publish(record, manifest, stack, found, judged), found.top
            except StoreError:
                if attempt + 1 == SWEPT_TRIES:
                    raise
        raise AssertionError("unreachable")

    def _publish(
        self,
        record: Record,
        manifest: ImageManifest,
        stack: tuple[store.Layer, ...],
        found: Found,
        judged: Judged,
    ) -> Record:
        raw = users.settled(self._layout, manifest.raw, stack)
        size = sum(layers.tree_size(self._layout, layer.tree) for layer in stack)
        record = replace(record, layers=stack, size=size)
        with storewriter.Workspace(self._layout, "fetch") as work:
            image = f"{work.path}/image"
            fs.mkdir(image)
            for name, data in (
                ("manifest", jsonio.pretty(raw).encode() + b"\n"),
                ("record.json", storewriter.record_bytes(record)),
                ("used", b""),
                ("oci-manifest", judged.document),
                ("oci-config", found.raw_config),
                ("signatures.json", signatures.encode(judged.blobs)),
            ):
                fs.write_new(f"{image}/{name}", data, durable=False)
            durable.syncfs(work.path)
            with store.lock(self._layout, f"storing image {record.name}"):
                return storewriter.publish_image(self._layout, image, record)


def image_id(manifest: ImageManifest, subject: verdict.Subject, digest: str) -> str:
    """The image ID of a converted image: by what the policy calls it, its name and version, and its
    manifest's digest. What came by another road is another image, with its own verdict.
    """
    said = (subject.transport, subject.identity, manifest.name, manifest.label("version"), digest)
    text = "".join(f"{each}\n" for each in ("podwright-oci 1", *said))
    return f"sha512-{hashlib.sha512(text.encode()).hexdigest()[:64]}"
