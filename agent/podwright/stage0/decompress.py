# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn compressed bytes into plain ones, recognised by their magic, within bounds.

gzip, bzip2, xz and plain tar; always in this process with the standard library, never with a
helper program (threats.md T19). Several members or streams in a row are one stream, as gzip(1),
bzip2(1) and xz(1) have it; a cut stream or anything else behind it is an error.
"""

from __future__ import annotations

import bz2
import lzma
import zlib

from podwright.errors import ImageError
from podwright.stage0.tarread import broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class Decoder(Protocol):
        """One stream of one format."""

        @property
        def eof(self) -> bool:
            """Whether the end of the stream was reached."""

        @property
        def unused_data(self) -> bytes:
            """What came behind the end."""

        def decode(self, data: bytes) -> Iterator[bytes]:
            """The plain bytes that `data` adds, in pieces of at most PIECE."""


PIECE = 1024 * 1024
MAX_PLAIN = 16 * 1024**3
RATIO = 200
RATIO_FROM = 64 * 1024**2
XZ_MEMORY = 96 * 1024**2


class Limits:
    """Counts bytes in and out, and streams; raises ImageError at a cap."""

    def __init__(self, most: int = MAX_PLAIN) -> None:
        self.most = most
        self.taken = 0
        self.given = 0
        self.streams = 0

    def another_stream(self) -> None:
        """One more member or stream in a row begins; thousands of tiny ones only cost time."""
        self.streams += 1
        if self.streams > 1000 and self.taken < 256 * self.streams:
            raise ImageError("archive: its compression consists of too many tiny streams")

    def count(self, given: int) -> None:
        """Another `given` bytes came out."""
        self.given += given
        if self.given > self.most:
            raise ImageError(f"archive: it unpacks to more than the limit of {self.most} bytes")
        if self.given > RATIO_FROM and self.given > RATIO * self.taken:
            raise ImageError(
                f"archive: it unpacks to more than {RATIO} times its size, which is the limit",
                "if that is meant, serve it less compressed",
            )


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data and not self._inner.eof:
            out = self._inner.decompress(data, PIECE)
            data = self._inner.unconsumed_tail
            if out:
                yield out
        while not self._inner.eof:
            # Output may be waiting inside although all input was taken.
            out = self._inner.decompress(b"", PIECE)
            if not out:
                return
            yield out


class _Stream:
    """bz2 and lzma decompressors work alike."""

    def __init__(self, inner: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decode(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                out = self._inner.decompress(data, PIECE)
            except OSError as err:  # what bz2 raises for damage
                raise lzma.LZMAError(str(err)) from None
            data = b""
            if out:
                yield out
            if self._inner.eof or self._inner.needs_input:
                return


def _decoder(head: bytes) -> Decoder | None:
    """A decoder for a stream that begins so; None for a plain tar."""
    if head[:2] == b"\x1f\x8b":
        return _Gzip()
    if head[:3] == b"BZh":
        return _Stream(bz2.BZ2Decompressor())
    if head[:6] == b"\xfd7zXZ\0":
        return _Stream(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY))
    return None


def plain(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    """The plain bytes of a possibly compressed stream."""
    head = b""
    for chunk in chunks:
        limits.taken += len(chunk)
        head += chunk
        if len(head) >= 512:
            break
    if len(head) < 6:
        raise broken("it is empty, or too short to be an image")
    decoder = _decoder(head)
    if decoder is None:
        if head[257:262] != b"ustar" and not head[257:265] == bytes(8):
            raise broken("it is neither a tar archive nor one compressed by gzip, bzip2 or xz")
        yield from _pass(head, chunks, limits)
    else:
        try:
            yield from _decode(decoder, head, chunks, limits)
        except (zlib.error, lzma.LZMAError, EOFError) as err:
            raise broken(f"its compression is damaged ({err})") from None


def _pass(head: bytes, chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    limits.count(len(head))
    yield head
    for chunk in chunks:
        limits.taken += len(chunk)
        limits.count(len(chunk))
        yield chunk


def _decode(
    decoder: Decoder, data: bytes, chunks: Iterator[bytes], limits: Limits
) -> Iterator[bytes]:
    kind = data[:2]
    while True:
        while data:
            for out in decoder.decode(data):
                limits.count(len(out))
                yield out
            data = decoder.unused_data if decoder.eof else b""
            if data:
                data, decoder = _next_stream(kind, data, chunks, limits)
        following = next(chunks, None)
        if following is None:
            break
        limits.taken += len(following)
        if decoder.eof:
            data, decoder = _next_stream(kind, following, chunks, limits)
        else:
            data = following
    if not decoder.eof:
        raise broken("its compression ends too early: cut short")


def _next_stream(
    kind: bytes, data: bytes, chunks: Iterator[bytes], limits: Limits
) -> tuple[bytes, Decoder]:
    """Begin the stream that follows the end of another one of the same kind."""
    limits.another_stream()
    while len(data) < 6:
        more = next(chunks, None)
        if more is None:
            break
        limits.taken += len(more)
        data += more
    decoder = _decoder(data)
    if decoder is None or data[:2] != kind:
        raise broken("something follows the end of its compression")
    return data, decoder
