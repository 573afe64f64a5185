# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch one image: read, copy, decompress, hash, unpack and verify at the same time, then publish.

Four threads hand chunks on: the reader (network or file, and the private copy), the decoder, the
hasher, and this one, which writes the tree. gpg reads the private copy as soon as it is whole and
the image's name is known. Nothing is visible before the verdict; everything lies in a private
directory that goes away with this process.
"""

from __future__ import annotations

import os
import threading

from podwright import jsonio
from podwright.errors import HostError, ImageError, PodwrightError, UsageError, VerifyError
from podwright.host import clock
from podwright.kernel import durable, fs
from podwright.model.image import parse_image
from podwright.stage0 import admission, decompress, store, unpack
from podwright.stage0.channel import Abandoned, Channel, Worker
from podwright.stage0.tarread import Source
from podwright.stage0.verdict import Verdict, aci
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.stage0.acquire import Signature

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
    """

    shown: str
    name: str
    labels: tuple[tuple[str, str], ...]
    signature: Optional[Signature]
    options: tuple[str, ...]
    latest: bool
    source: dict[str, str]
    optional: tuple[str, ...] = ()


class Pipeline:
    """One run of the threads over the chunks of an archive."""

    def __init__(
        self, layout: Layout, wanted: Wanted, chunks: Iterator[bytes], archive: str, rootfs: str
    ) -> None:
        self._layout = layout
        self._wanted = wanted
        self._archive = archive
        self._rootfs = rootfs
        self._compressed, self._plain, self._hashed = Channel(), Channel(), Channel()
        self._cancelled = False
        self._name = wanted.name
        self._named = threading.Event()
        if self._name:
            self._named.set()
        self._digest = ""
        self.manifest: Optional[ImageManifest] = None
        self.verdict: Optional[Verdict] = None
        self._reader = Worker(lambda: self._read(chunks), (self._compressed,))
        self._decoder = Worker(self._decode, (self._plain, self._hashed))
        self._hasher = Worker(self._hash)
        self._verifier = Worker(self._verify)

    def run(self) -> unpack.Unpacked:
        """Unpack in this thread; returns when all threads have ended.

        A bad signature is reported rather than the damage that it explains.
        """
        try:
            unpacked = unpack.unpack(Source(iter(self._plain)), self._rootfs, self._take_manifest)
        except ImageError as err:
            self._cancelled = not self._name
            self._end()
            self._raise_verdict()
            raise err
        except BaseException:
            self._cancelled = True
            self._end()
            raise
        self._end()
        for worker in (self._reader, self._decoder, self._hasher):
            if worker.error is not None:
                raise worker.error
        self._raise_verdict()
        return unpacked

    @property
    def image_id(self) -> str:
        """`sha512-` and the first 64 hex digits of the digest of the plain archive."""
        return f"sha512-{self._digest[:64]}"

    def _end(self) -> None:
        """Stop handing on; the copy is still completed, unless cancelled, for the verdict."""
        self._plain.abandon()
        self._decoder.join()
        self._compressed.abandon()
        self._hasher.join()
        self._reader.join()
        self._named.set()
        self._verifier.join()

    def _raise_verdict(self) -> None:
        if self._verifier.error is not None:
            raise self._verifier.error

    def _read(self, chunks: Iterator[bytes]) -> None:
        handing_on = True
        for chunk in chunks:
            if self._cancelled:
                raise Abandoned
            if handing_on:
                try:
                    self._compressed.put(chunk)
                except Abandoned:
                    handing_on = False

    def _decode(self) -> None:
        try:
            for piece in decompress.plain(iter(self._compressed), decompress.Limits()):
                self._hashed.put(piece)
                self._plain.put(piece)
        finally:
            self._compressed.abandon()

    def _hash(self) -> None:
        from hashlib import sha512

        digest = sha512()
        for piece in self._hashed:
            digest.update(piece)
        self._digest = digest.hexdigest()

    def _take_manifest(self, data: bytes) -> None:
        self.manifest = check_manifest(data, self._wanted)
        self._name = self.manifest.name
        self._named.set()

    def _verify(self) -> None:
        self._named.wait()
        self._reader.join()
        if not self._name or self._cancelled or self._reader.error is not None:
            return
        self.verdict = judge(self._layout, self._name, self._archive, self._wanted)


def judge(layout: Layout, name: str, archive: str, wanted: Wanted) -> Verdict:
    """The verdict on the private copy of an archive whose manifest says `name`."""
    packets = wanted.signature.packets() if wanted.signature is not None else None
    fd = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return admission.judge_aci(layout, aci(name), fd, packets, wanted.options)
    finally:
        os.close(fd)


def check_manifest(data: bytes, wanted: Wanted) -> ImageManifest:
    """Parse an image's manifest and compare it with what was asked for."""
    shown = safe(wanted.shown, 200)
    try:
        manifest = parse_image(jsonio.loads(data, "manifest", limit=unpack.MAX_MANIFEST))
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
    with store.Workspace(layout, "fetch") as work:
        image, tree = f"{work.path}/image", f"{work.path}/tree"
        for path in (image, tree, f"{tree}/rootfs"):
            fs.mkdir(path)
        copy = archive_at or f"{image}/aci"
        pipeline = Pipeline(layout, wanted, chunks(copy), copy, f"{tree}/rootfs")
        try:
            unpacked = pipeline.run()
        except OSError as err:
            raise disk_error(err, wanted.shown) from None
        except PodwrightError as err:
            err.object = err.object or wanted.shown
            raise
        manifest, verdict = pipeline.manifest, pipeline.verdict
        if manifest is None or verdict is None:
            raise VerifyError(f"image {safe(wanted.shown, 200)}: there is no verdict on it")
        record = store.Record(
            id=pipeline.image_id,
            name=manifest.name,
            labels=manifest.labels,
            verdict=verdict,
            imported=clock.now(),
            latest=wanted.latest,
            size=os.stat(copy).st_size + unpacked.size,
            source=wanted.source,
            layers=(store.Layer(pipeline.image_id, ""),),
            identity=manifest.name,
        )
        try:
            _complete(work.path, record, unpacked, copy, wanted)
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
        store.publish(layout, work, record)
    return record


def _write_record(work: str, record: store.Record) -> None:
    fs.write_atomic(f"{work}/image/record.json", store.record_bytes(record))


def _complete(
    work: str, record: store.Record, unpacked: unpack.Unpacked, copy: str, wanted: Wanted
) -> None:
    """Put everything into place in the workspace, and all of it onto the disk."""
    image = f"{work}/image"
    fs.write_new(f"{image}/manifest", unpacked.manifest, durable=False)
    fs.write_new(f"{image}/record.json", store.record_bytes(record), durable=False)
    fs.write_new(f"{image}/used", b"", durable=False)
    if wanted.signature is not None:
        fs.write_new(f"{image}/aci.asc", wanted.signature.data, durable=False)
    mark_rendered(f"{work}/tree", record.id, unpacked)
    if copy != f"{image}/aci":
        fs.rename(copy, f"{image}/aci", durable=False)
    durable.syncfs(work)


def mark_rendered(tree: str, image_id: str, unpacked: unpack.Unpacked) -> None:
    """Write the mark that a tree is complete; it is published only together with it."""
    counts = {"members": unpacked.members, "left_out": unpacked.left_out}
    mark = jsonio.dumps({"format": 1, "id": image_id, **counts})
    fs.write_new(f"{tree}/rendered", mark.encode(), durable=False)


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
