# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image an archive holds, without unpacking it: its ID and its manifest.

The confined decoder reads it within the usual bounds; whoever unpacks it later looks closer.
"""

from __future__ import annotations

import os

from podwright.stage0.render import aci, decompress
from podwright.stage0.render.decodechild import CHUNK, DecodeChild
from podwright.stage0.render.tarfields import broken
from podwright.stage0.render.tarread import FILE
from podwright.stage0.render.worker import Worker


def identify(archive: int) -> tuple[str, bytes]:
    """(image ID, manifest) of the archive that the descriptor is open on, at its beginning.

    Raises ImageError when it is damaged or has no manifest.
    """
    done = 0
    child = DecodeChild("aci", decompress.Limits(), lambda: done)

    def feed() -> None:
        nonlocal done
        try:
            while chunk := os.read(archive, CHUNK):
                child.put(chunk)
                done += len(chunk)
        except BrokenPipeError:
            return  # the decoder says why, when it is asked
        finally:
            child.end_input()

    reader = Worker(feed)
    try:
        manifest = b""
        for entry in child.feed.members():
            if entry.name == b"manifest" and entry.kind == FILE and entry.size <= aci.MAX_MANIFEST:
                manifest = b"".join(child.feed.content(entry))
        child.finish()
    finally:
        child.close()
        reader.join()
    if not manifest:
        raise broken("it has no manifest")
    return f"sha512-{child.feed.plain.hex()[:64]}", manifest
