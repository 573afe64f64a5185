# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a stored ACI: read once more, to see what it is."""

from __future__ import annotations

import os

from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0.render import decompress
from podwright.stage0.web import sources
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Optional

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


def facts(archive: str, also: Optional[Callable[[bytes], None]] = None) -> Facts:
    """Read all of it; `also` gets every chunk, as served.

    Raises UsageError when it is not there, ImageError when it is broken.
    """
    from hashlib import sha256, sha512

    served, plain = sha256(), sha512()
    sizes = [0, 0]

    def read() -> Iterator[bytes]:
        for chunk in chunks(archive):
            served.update(chunk)
            sizes[0] += len(chunk)
            if also is not None:
                also(chunk)
            yield chunk

    for piece in decompress.plain(read(), decompress.Limits()):
        plain.update(piece)
        sizes[1] += len(piece)
    return Facts(f"sha512-{plain.hexdigest()[:64]}", served.hexdigest(), *sizes)


def copy(archive: str, target: str) -> str:
    """Copy an archive to the new file `target`, durable; the image ID of what was copied."""
    step("open")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(target, flags, 0o644)
    try:
        found = facts(archive, lambda chunk: fs.write_all(fd, chunk))
        step("fsync")
        os.fsync(fd)
    finally:
        os.close(fd)
    return found.id


def sizes(layout: Layout, record: Record) -> tuple[int, int]:
    """Bytes of an image's archive: as served, and decompressed."""
    found = facts(path(layout, record.id))
    return found.served_size, found.plain_size
