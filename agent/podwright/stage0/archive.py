# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a stored ACI: read once more, to see what it is."""

from __future__ import annotations

import os

from podwright.stage0 import decompress, sources
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.host.paths import Layout
    from podwright.stage0.store import Record


@value
class Facts:
    """`id`: what the archive's image ID is; `served`: SHA-256 of it as it lies there; sizes."""

    id: str
    served: str
    served_size: int
    plain_size: int


def path(layout: Layout, image_id: str) -> str:
    """Where the archive lies, as it was served."""
    return f"{layout.images}/{image_id}/aci"


def chunks(archive: str) -> Iterator[bytes]:
    """The archive as it is stored."""
    fd = sources.open_regular(archive, "stored archive")
    try:
        while chunk := os.read(fd, sources.CHUNK):
            yield chunk
    finally:
        os.close(fd)


def facts(archive: str) -> Facts:
    """Read all of it. Raises UsageError when it is not there, ImageError when it is broken."""
    from hashlib import sha256, sha512

    served, plain = sha256(), sha512()
    sizes = [0, 0]

    def read() -> Iterator[bytes]:
        for chunk in chunks(archive):
            served.update(chunk)
            sizes[0] += len(chunk)
            yield chunk

    for piece in decompress.plain(read(), decompress.Limits()):
        plain.update(piece)
        sizes[1] += len(piece)
    return Facts(f"sha512-{plain.hexdigest()[:64]}", served.hexdigest(), *sizes)


def sizes(layout: Layout, record: Record) -> tuple[int, int]:
    """Bytes of an image's archive: as served, and decompressed."""
    found = facts(path(layout, record.id))
    return found.served_size, found.plain_size
