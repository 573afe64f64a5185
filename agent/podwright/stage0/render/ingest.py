# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One stream of bytes into a tree: hashed as served, decompressed, hashed, unpacked and listed.

Nothing is published and nothing is judged here: the caller has the tree in a private directory
and decides with the digests. A thread reads the chunks, hashes them and hands them to a confined
process (`decodechild.py`), which decompresses, hashes and takes the archive apart; the caller's
thread checks what comes back and writes the tree.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import ImageError, VerifyError
from podwright.kernel import fs
from podwright.stage0 import treecheck
from podwright.stage0.render import decompress, verity
from podwright.stage0.render.aci import AciUnpacker
from podwright.stage0.render.decodechild import DecodeChild
from podwright.stage0.render.layer import LayerUnpacker
from podwright.stage0.render.worker import Abandoned, Worker
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Optional

    from podwright.stage0.render.decompress import Limits
    from podwright.stage0.render.unpack import Unpacked, Unpacker


MARK_FORMAT = 2
"""Of what `mark_rendered` writes; 1 had no list of the tree's files."""


@value
class Ingested:
    """What came out of a stream.

    raw       SHA-256 in hex over the bytes as served
    plain     hex digest over the plain archive: SHA-512 of an ACI, SHA-256 of a layer
    raw_size  bytes as served; `size`: bytes of all regular files
    manifest  of an ACI
    mtree     SHA-256 in hex of the tree's `mtree`
    borrowed  a layer's tree holds what was taken from the layers below it: it is right only on
              top of these, so its name has to say them
    """

    raw: str
    plain: str
    raw_size: int
    size: int
    members: int
    left_out: int
    manifest: bytes
    mtree: str
    borrowed: bool = False


def ingest(
    chunks: Iterator[bytes],
    tree: str,
    kind: str,
    *,
    shown: str,
    expect: str = "",
    on_manifest: Optional[Callable[[bytes], None]] = None,
    limits: Optional[Limits] = None,
    lowers: Optional[Callable[[], Sequence[str]]] = None,
) -> Ingested:
    """Make `tree`/rootfs and `tree`/mtree from an archive; `tree` is an empty directory of ours.

    kind         "aci" or "layer"; the compression is recognised by its magic
    shown        the image or blob in messages
    expect       SHA-256 in hex that the bytes as served must have, "" for any; a difference is
                 reported rather than the damage that it explains
    on_manifest  called with an ACI's manifest as soon as it is there, in this thread; may raise
    lowers       roots of the layers below, top first; called, in this thread, only when a layer
                 needs them, and may wait until they are complete
    Raises ImageError, VerifyError, HostError, and what `chunks` raises.
    """
    run = Ingest(chunks, tree, kind, on_manifest=on_manifest, limits=limits, lowers=lowers)
    failure: Optional[ImageError] = None
    done = None
    try:
        done = run.run(read_on=bool(expect))
    except ImageError as err:
        err.object = err.object or shown
        failure = err
    if expect and run.raw and run.raw != expect:
        raise VerifyError(
            f"{safe(shown, 200)}: what was served has the digest sha256:{run.raw}, not"
            f" sha256:{safe(expect, 64)}",
            "fetch it again; if that does not help, its server is broken or lies",
            object=shown,
            reason="wrong-digest",
        )
    if failure is not None or done is None:
        raise failure or ImageError(f"{safe(shown, 200)}: nothing came out")
    return done


class Ingest:
    """One run of the threads over the chunks of an archive.

    `raw` is the digest of the chunks once all were read, "" before and when they ended early.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        tree: str,
        kind: str,
        *,
        on_manifest: Optional[Callable[[bytes], None]] = None,
        limits: Optional[Limits] = None,
        lowers: Optional[Callable[[], Sequence[str]]] = None,
    ) -> None:
        self._tree = tree
        self._kind = kind
        self._on_manifest = on_manifest
        self._lowers = lowers
        self._cancelled = False
        self._raw_size = 0
        self.raw = ""
        fs.mkdir(f"{tree}/rootfs")
        limits = limits or decompress.Limits()
        self._child = DecodeChild(kind, limits, lambda: self._raw_size)
        self._reader = Worker(lambda: self._read(chunks))

    def run(self, *, read_on: bool | Callable[[], bool]) -> Ingested:
        """Unpack in this thread; returns or raises when all threads have ended.

        read_on  after damage, the chunks are still read to their end
        """
        try:
            unpacked = self._unpack()
        except ImageError:
            self._end(cancel=not (read_on() if callable(read_on) else read_on))
            self._raise_reader()
            raise
        except BaseException:
            self._end(cancel=True)
            raise
        self._end(cancel=False)
        self._raise_reader()
        return Ingested(
            raw=self.raw,
            plain=self._child.feed.plain.hex(),
            raw_size=self._raw_size,
            size=unpacked.size,
            members=unpacked.members,
            left_out=unpacked.left_out,
            manifest=unpacked.manifest,
            mtree=unpacked.mtree,
            borrowed=unpacked.borrowed,
        )

    def complete(self) -> bool:
        """Wait until reading ends; whether all chunks were read."""
        self._reader.join()
        return bool(self.raw)

    def _raise_reader(self) -> None:
        error = self._reader.error
        if error is not None and not isinstance(error, Abandoned):
            raise error

    def _unpack(self) -> Unpacked:
        feed = self._child.feed
        unpacker: Unpacker
        if self._kind == "aci":
            unpacker = AciUnpacker(self._tree, feed, self._on_manifest)
        else:
            unpacker = LayerUnpacker(self._tree, feed, self._lowers)
        try:
            unpacked = unpacker.run()
            self._child.finish()
            return unpacked
        finally:
            unpacker.close()

    def _end(self, *, cancel: bool) -> None:
        """Stop handing on; unless cancelled, what is left is still read."""
        self._cancelled = self._cancelled or cancel
        self._child.close()
        self._reader.join()

    def _read(self, chunks: Iterator[bytes]) -> None:
        from hashlib import sha256

        digest = sha256()
        put: Callable[[bytes], None] = self._child.put
        try:
            for chunk in chunks:
                if self._cancelled:
                    raise Abandoned
                digest.update(chunk)
                self._raw_size += len(chunk)
                try:
                    put(chunk)
                except BrokenPipeError:
                    put = _discard  # the rest is read for its digest, and for the private copy
        finally:
            self._child.end_input()
        self.raw = digest.hexdigest()


def _discard(_chunk: bytes) -> None:
    """Nobody wants it any more."""


def mark_rendered(tree: str, tree_id: str, ingested: Ingested) -> None:
    """Write the mark that a tree is complete; it is published only together with it."""
    verity.protect(tree)
    mark = {
        "format": MARK_FORMAT,
        "id": tree_id,
        "plain": ingested.plain,
        "mtree": ingested.mtree,
        "stat": treecheck.stat_digest(f"{tree}/rootfs"),
        "members": ingested.members,
        "left_out": ingested.left_out,
    }
    if ingested.borrowed:
        mark["borrowed"] = True
    fs.write_new(f"{tree}/rendered", jsonio.dumps(mark).encode(), durable=False)
