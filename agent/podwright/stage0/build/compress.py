# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compressions in which images are written. No stream carries a time or a file name."""

from __future__ import annotations

from podwright.errors import HostError, UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Compressor(Protocol):
        """Takes bytes in pieces and gives others."""

        def compress(self, data: bytes, /) -> bytes:
            """What comes out when `data` goes in; may be nothing yet."""

        def flush(self) -> bytes:
            """The rest."""


KINDS = ("gzip", "zstd", "xz", "bzip2", "none")
GZIP_LEVEL, ZSTD_LEVEL, XZ_PRESET = 6, 9, 6
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"(\xb5/\xfd": "zstd"}


def compressor(kind: str) -> Compressor:
    """A fresh compressor. Raises UsageError for an unknown kind, HostError for a missing library."""
    if kind == "gzip":
        import zlib

        return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    if kind == "xz":
        import lzma

        return lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC64, XZ_PRESET)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2Compressor(9)
    if kind == "zstd":
        return _zstd()
    if kind == "none":
        return _Plain()
    raise UsageError(f"compression {safe(kind, 40)!r} is not known", f"known: {', '.join(KINDS)}")


def kind_of(head: bytes) -> str:
    """The compression of a file that begins with these bytes; `none` for any other."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "none")


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _zstd() -> Compressor:
    from podwright.host import distpackages

    distpackages.enable()
    try:
        import zstandard
    except ImportError:
        raise HostError(
            "zstd needs the Python package zstandard",
            "install python3-zstandard, or use another --compression",
            reason="no-zstandard",
        ) from None
    made: Compressor = zstandard.ZstdCompressor(
        level=ZSTD_LEVEL, write_checksum=True, write_content_size=False
    ).compressobj()
    return made
