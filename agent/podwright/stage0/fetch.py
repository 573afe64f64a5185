# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch one ACI: read, copy, decompress, hash, unpack and verify at the same time, then publish.

The bytes go through `ingest.py`, which reads them from the network or a file together with a
private copy. That copy is judged as soon as it is whole and the image's name is known. Nothing
is visible before the verdict; everything lies in a private directory that goes away with this
process.
"""

from __future__ import annotations

import os
import threading

from podwright import jsonio
from podwright.errors import HostError, ImageError, PodwrightError, UsageError, VerifyError
from podwright.host import clock
from podwright.kernel import durable, fs
from podwright.model.image import parse_image
from podwright.stage0 import expected, imagecheck, store, storewriter
from podwright.stage0.judge import admission
from podwright.stage0.render import aci
from podwright.stage0.render.ingest import Ingest, Ingested, mark_rendered
from podwright.stage0.render.worker import Worker
from podwright.stage0.verdict import Verdict
from podwright.stage0.verdict import aci as aci_subject
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.stage0.judge.detached import Signature

    Compose = Callable[[ImageManifest, store.Record, str], store.Record]

FETCH_WORDS = ("image", "tls", "http", "pubkey")


@value
class Wanted:
    """What is to be fetched and how it is judged.

    shown       the image as the user wrote it
    name        the name that the manifest must have, or "" when any will do
    labels      the labels that the manifest must have
    signature   the signature file; None when the check is lifted, or the policy may not need it
    options     fetch checks that were lifted
    latest      no version was asked for
    source      goes into the record
    optional    labels that the manifest may lack, but not have otherwise
    digest      the image ID that it must turn out to have, or ""
    only_signed it must have an accepted signature, even where the policy would do without
    """

    shown: str
    name: str
    labels: tuple[tuple[str, str], ...]
    signature: Optional[Signature]
    options: tuple[str, ...]
    latest: bool
    source: dict[str, str]
    optional: tuple[str, ...] = ()
    digest: str = ""
    only_signed: bool = False


class Pipeline:
    """An archive's way into a tree, while its private copy is judged."""

    def __init__(
        self, layout: Layout, wanted: Wanted, chunks: Iterator[bytes], archive: str, tree: str
    ) -> None:
        self._layout = layout
        self._wanted = wanted
        self._archive = archive
        self._failed = False
        self._name = wanted.name
        self._named = threading.Event()
        if self._name:
            self._named.set()
        self.manifest: Optional[ImageManifest] = None
        self.verdict: Optional[Verdict] = None
        self._stream = Ingest(chunks, tree, "aci", on_manifest=self._take_manifest)
        self._verifier = Worker(self._verify)

    def run(self) -> Ingested:
        """Unpack in this thread; returns when all threads have ended.

        A bad signature is reported rather than the damage that it explains: for its sake the
        private copy is completed when something is wrong with the archive.
        """
        try:
            ingested = self._stream.run(read_on=lambda: bool(self._name))
        except ImageError as err:
            self._end(failed=not self._name)
            self._raise_verdict()
            raise err
        except BaseException:
            self._end(failed=True)
            raise
        self._end(failed=False)
        self._raise_verdict()
        return ingested

    def _end(self, *, failed: bool) -> None:
        self._failed = failed
        self._named.set()
        self._verifier.join()

    def _raise_verdict(self) -> None:
        if self._verifier.error is not None:
            raise self._verifier.error

    def _take_manifest(self, data: bytes) -> None:
        self.manifest = check_manifest(data, self._wanted)
        self._name = self.manifest.name
        self._named.set()

    def _verify(self) -> None:
        self._named.wait()
        if not self._stream.complete() or not self._name or self._failed:
            return
        self.verdict = judge(self._layout, self._name, self._archive, self._wanted)


def image_id(ingested: Ingested) -> str:
    """`sha512-` and the first 64 hex digits of the digest of the plain archive."""
    return f"sha512-{ingested.plain[:64]}"


def judge(layout: Layout, name: str, archive: str, wanted: Wanted) -> Verdict:
    """The verdict on the private copy of an archive whose manifest says `name`."""
    packets = wanted.signature.packets() if wanted.signature is not None else None
    fd = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return admission.judge_aci(layout, aci_subject(name), fd, packets, wanted.options)
    finally:
        os.close(fd)


def check_manifest(data: bytes, wanted: Wanted) -> ImageManifest:
    """Parse an image's manifest and compare it with what was asked for."""
    shown = safe(wanted.shown, 200)
    try:
        manifest = parse_image(jsonio.loads(data, "manifest", limit=aci.MAX_MANIFEST))
    except UsageError as err:
        raise ImageError(f"image {shown}: {err.message}", object=shown) from None
    if wanted.name and manifest.name != wanted.name:
        raise VerifyError(
            f"image {shown}: what was served calls itself {manifest.name}",
            "get it under its own name",
            object=shown,
            reason="wrong-name",
        )
    labels = dict(manifest.labels)
    for label, text in wanted.labels:
        if labels.get(label, text if label in wanted.optional else "") != text:
            found = safe(labels.get(label, ""), 80)
            raise VerifyError(
                f"image {shown}: label {label} is {found!r} in what was served, not {text!r}",
                "ask for the labels that it has",
                object=shown,
                reason="wrong-label",
            )
    return manifest


def fetch(
    layout: Layout,
    wanted: Wanted,
    chunks: Callable[[str], Iterator[bytes]],
    archive_at: str = "",
    compose: Optional[Compose] = None,
) -> store.Record:
    """Fetch, verify, unpack and publish.

    chunks      called with the path of the private copy; yields the archive's bytes, all of them
                written there
    archive_at  where the private copy lies when not in the workspace (a resumable download); it
                is moved from there when the image is published
    compose     called for an image that is built on others or has a whitelist, with its manifest,
                record and workspace; gives the record with all its layers (`depend.Builder`)
    Returns the record of the published image. Raises without a trace in the store.
    """
    with storewriter.Workspace(layout, "fetch") as work:
        image, tree = f"{work.path}/image", f"{work.path}/tree"
        for path in (image, tree):
            fs.mkdir(path)
        copy = archive_at or f"{image}/aci"
        pipeline = Pipeline(layout, wanted, chunks(copy), copy, tree)
        try:
            ingested = pipeline.run()
        except OSError as err:
            raise disk_error(err, wanted.shown) from None
        except PodwrightError as err:
            err.object = err.object or wanted.shown
            raise
        manifest, verdict = pipeline.manifest, pipeline.verdict
        if manifest is None or verdict is None:
            raise VerifyError(f"image {safe(wanted.shown, 200)}: there is no verdict on it")
        if wanted.only_signed and verdict.kind != "signed":
            raise VerifyError(
                f"image {safe(wanted.shown, 200)}: from the inbox, only signed images are accepted",
                "let root fetch it",
                object=wanted.shown,
                reason="no-signature",
            )
        record = store.Record(
            id=image_id(ingested),
            name=manifest.name,
            labels=manifest.labels,
            verdict=verdict,
            imported=clock.now(),
            latest=wanted.latest,
            size=os.stat(copy).st_size + ingested.size,
            source=wanted.source,
            layers=(store.Layer(image_id(ingested), ingested.mtree),),
            identity=manifest.name,
        )
        if wanted.digest:
            expected.require(wanted.digest, wanted.shown, record.id, "")
        try:
            _complete(work.path, record, ingested, copy, wanted)
            return _publish(layout, work.path, manifest, record, compose)
        except OSError as err:
            raise disk_error(err, wanted.shown) from None


def _publish(
    layout: Layout,
    work: str,
    manifest: ImageManifest,
    record: store.Record,
    compose: Optional[Compose],
) -> store.Record:
    """Make the image visible, on top of what it is built on; the record as it is stored."""
    built = bool(manifest.dependencies or manifest.path_whitelist)
    if built and compose is not None:
        record = compose(manifest, record, work)
        _write_record(work, record)
        durable.syncfs(work)
    with store.lock(layout, f"storing image {manifest.name}"):
        if built:
            from podwright.stage0 import depend

            settled = depend.settle(layout, record)
            if settled != record:
                record = settled
                _write_record(work, record)
        return storewriter.publish(layout, work, record)


def _write_record(work: str, record: store.Record) -> None:
    fs.write_atomic(f"{work}/image/record.json", storewriter.record_bytes(record))


def _complete(
    work: str, record: store.Record, ingested: Ingested, copy: str, wanted: Wanted
) -> None:
    """Put everything into place in the workspace, and all of it onto the disk."""
    image = f"{work}/image"
    fs.write_new(f"{image}/manifest", ingested.manifest, durable=False)
    fs.write_new(f"{image}/record.json", storewriter.record_bytes(record), durable=False)
    fs.write_new(f"{image}/used", b"", durable=False)
    if wanted.signature is not None:
        fs.write_new(f"{image}/aci.asc", wanted.signature.data, durable=False)
    mark_rendered(f"{work}/tree", record.id, ingested)
    if copy != f"{image}/aci":
        fs.rename(copy, f"{image}/aci", durable=False)
    imagecheck.mark(image, {"aci": ingested.raw}, durable=False)
    durable.syncfs(work)


def disk_error(err: OSError, shown: str) -> HostError:
    """The sentence for a write that failed."""
    import errno

    full = err.errno in (errno.ENOSPC, errno.EDQUOT)
    return HostError(
        f"image {safe(shown, 200)} cannot be stored: {safe(err.strerror or err, 200)}",
        "make room and try again" if full else "see the data directory and its disk",
        object=shown,
        reason="disk-full" if full else "host-failed",
        stage="fetch",
    )
