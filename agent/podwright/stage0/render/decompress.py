# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn compressed bytes into plain ones, recognised by their magic, within bounds.

gzip, bzip2, xz, zstd and plain tar; always in this process, never with a helper program
(threats.md T19): the standard library, isal for gzip when it is there, zstandard for zstd.
Several members or streams in a row are one stream, as gzip(1), bzip2(1), xz(1) and zstd(1) have
it; a cut stream or anything else behind it is an error.
"""

from __future__ import annotations

import zlib

from podwright.errors import ImageError
from podwright.stage0.render.tarfields import broken
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Optional, Protocol

    class Decoder(Protocol):
        """One stream of one format; damage raises `error`."""

        error: type[Exception]

        @property
        def eof(self) -> bool:
            """Whether the end of the stream was reached."""

        @property
        def unused_data(self) -> bytes:
            """What came behind the end."""

        def decode(self, data: bytes) -> Iterator[bytes]:
            """The plain bytes that `data` adds, in pieces of at most PIECE."""

    Codec = Callable[[], Decoder]


PIECE = 1024 * 1024
MAX_PLAIN = 16 * 1024**3
RATIO = 200
RATIO_FROM = 64 * 1024**2
XZ_MEMORY = 96 * 1024**2
ZSTD_WINDOW = 8 * 1024**2
"""What RFC 8878 asks decoders to support, and encoders not to go beyond."""
ZSTD_BITE = 1024
HEAD = 512
"""Bytes by which a stream is recognised."""


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
    """zlib, or isal, which is the same three times as fast."""

    def __init__(self, library: Any) -> None:
        self._inner = library.decompressobj(wbits=31)
        self.error = library.error

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

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

    def __init__(self, inner: Any, error: type[Exception]) -> None:
        self._inner = inner
        self.error = error

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decode(self, data: bytes) -> Iterator[bytes]:
        while True:
            out = self._inner.decompress(data, PIECE)
            data = b""
            if out:
                yield out
            if self._inner.eof or self._inner.needs_input:
                return


class _Zstd:
    """One frame, or one skippable one."""

    def __init__(self, zstandard: Any) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        self.error = zstandard.ZstdError
        self.eof = False
        self.unused_data = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Fed in small pieces: four bytes can stand for 128 KiB, and all of it comes at once."""
        parts: list[bytes] = []
        size = 0
        for at in range(0, len(data), ZSTD_BITE):
            out = self._inner.decompress(data[at : at + ZSTD_BITE])
            parts.append(out)
            size += len(out)
            if self._inner.eof:
                self.eof = True
                self.unused_data = self._inner.unused_data + data[at + ZSTD_BITE :]
                break
            if size >= PIECE:
                yield b"".join(parts)
                parts, size = [], 0
        if size:
            yield b"".join(parts)


def recognise(head: bytes) -> str:
    """The compression of a stream that begins so; "" when there is none."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:3] == b"BZh":
        return "bzip2"
    if head[:6] == b"\xfd7zXZ\0":
        return "xz"
    skippable = head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5
    return "zstd" if skippable or head[:4] == b"\x28\xb5\x2f\xfd" else ""


def codec(name: str) -> Codec:
    """What begins another stream of this compression; loads the library for it."""
    if name == "bzip2":
        import bz2

        return lambda: _Stream(bz2.BZ2Decompressor(), OSError)
    if name == "xz":
        import lzma

        xz = lzma.FORMAT_XZ
        return lambda: _Stream(lzma.LZMADecompressor(xz, memlimit=XZ_MEMORY), lzma.LZMAError)
    from podwright.host import distpackages

    distpackages.enable()
    if name == "zstd":
        return _zstd()
    library: Any = zlib
    try:
        from isal import isal_zlib

        library = isal_zlib
    except ImportError:
        pass
    return lambda: _Gzip(library)


def _zstd() -> Codec:
    try:
        import zstandard
    except ImportError:
        raise ImageError(
            "archive: it is compressed with zstd, which needs the Python package zstandard",
            "install python3-zstandard on this host",
            reason="zstd-missing",
        ) from None
    if not hasattr(zstandard.ZstdDecompressor().decompressobj(), "unused_data"):
        raise ImageError(
            "archive: it is compressed with zstd, and this host's Python package zstandard is"
            f" {safe(zstandard.__version__, 20)}, older than 0.19",
            "bring a newer one with the role, or install it",
            reason="zstd-missing",
        )
    return lambda: _Zstd(zstandard)


def plain(chunks: Iterator[bytes], limits: Limits, make: Optional[Codec] = None) -> Iterator[bytes]:
    """The plain bytes of a possibly compressed stream.

    make  the `codec` of what `chunks` begin with, when the caller has seen that already
    """
    head = b""
    for chunk in chunks:
        limits.taken += len(chunk)
        head += chunk
        if len(head) >= HEAD:
            break
    if len(head) < 6:
        raise broken("it is empty, or too short to be an image")
    name = recognise(head)
    if name:
        yield from _decode(name, make or codec(name), head, chunks, limits)
        return
    if head[257:262] != b"ustar" and not head[257:265] == bytes(8):
        raise broken("it is neither a tar archive nor one compressed by gzip, bzip2, xz or zstd")
    yield from _pass(head, chunks, limits)


def _pieces(decoder: Decoder, data: bytes) -> Iterator[bytes]:
    try:
        yield from decoder.decode(data)
    except (decoder.error, EOFError) as err:
        raise broken(f"its compression is damaged ({safe(err, 200)})") from None


def _pass(head: bytes, chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    limits.count(len(head))
    yield head
    for chunk in chunks:
        limits.taken += len(chunk)
        limits.count(len(chunk))
        yield chunk


def _decode(
    kind: str, make: Codec, data: bytes, chunks: Iterator[bytes], limits: Limits
) -> Iterator[bytes]:
    decoder = make()
    while True:
        while data:
            for out in _pieces(decoder, data):
                limits.count(len(out))
                yield out
            data = decoder.unused_data if decoder.eof else b""
            if data:
                data = _next_stream(kind, data, chunks, limits)
                decoder = make()
        following = next(chunks, None)
        if following is None:
            break
        limits.taken += len(following)
        data = following
        if decoder.eof:
            data = _next_stream(kind, following, chunks, limits)
            decoder = make()
    if not decoder.eof:
        raise broken("its compression ends too early: cut short")


def _next_stream(kind: str, data: bytes, chunks: Iterator[bytes], limits: Limits) -> bytes:
    """The beginning of the stream that follows the end of another one; it is of the same kind."""
    limits.another_stream()
    while len(data) < 6:
        more = next(chunks, None)
        if more is None:
            break
        limits.taken += len(more)
        data += more
    if recognise(data) != kind:
        raise broken("something follows the end of its compression")
    return data
