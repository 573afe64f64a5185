# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel within a bzImage (the kernel's Documentation/arch/x86/boot.rst), as an ELF file.

A paravirtualized guest of Xen's does not unpack its kernel: dom0 does, at each start, which takes longer than
all else that the toolstack does. So the image has it unpacked.
"""

from __future__ import annotations

from podwright.stage0.stage1build import elf

MAGIC, MAGIC_AT = b"HdrS", 0x202
SECTORS_AT, VERSION_AT, PAYLOAD_AT, LENGTH_AT = 0x1F1, 0x206, 0x248, 0x24C
WITH_PAYLOAD = 0x0208
SECTOR = 512
LARGEST = 256 << 20


def unpacked(data: bytes) -> bytes:
    """The ELF file; nothing where it is no bzImage, or packed in another way than xz, gzip or not at all."""
    if data[MAGIC_AT : MAGIC_AT + 4] != MAGIC or _number(data, VERSION_AT, 2) < WITH_PAYLOAD:
        return b""
    start = ((data[SECTORS_AT] or 4) + 1) * SECTOR + _number(data, PAYLOAD_AT, 4)
    plain = _plain(data[start : start + _number(data, LENGTH_AT, 4)])
    return plain if plain.startswith(elf.MAGIC) and len(plain) < LARGEST else b""


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _plain(payload: bytes) -> bytes:
    """Four bytes with the size follow what is packed."""
    if payload.startswith(b"\xfd7zXZ"):
        import lzma

        try:
            return lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload, LARGEST)
        except lzma.LZMAError:
            return b""
    if payload.startswith(b"\x1f\x8b"):
        import zlib

        try:
            return zlib.decompressobj(31).decompress(payload, LARGEST)
        except zlib.error:
            return b""
    return payload
