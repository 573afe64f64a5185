# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack an ACI (behaviour.md A1): exactly a regular file `manifest` and a directory `rootfs`.

No path can occur twice. Device nodes directly in `rootfs/dev` are left out, anywhere else they
are refused. Whiteout names are ordinary names here.
"""

from __future__ import annotations

from podwright.stage0.render.tarfields import broken
from podwright.stage0.render.tarread import DIRECTORY, FILE
from podwright.stage0.render.unpack import Unpacked, Unpacker
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.stage0.render.feed import Feed
    from podwright.stage0.render.tarread import Entry

MAX_MANIFEST = 4 * 1024 * 1024


class AciUnpacker(Unpacker):
    """See `Unpacker`.

    on_manifest  called with the manifest's bytes as soon as they are there; may raise
    """

    def __init__(
        self, tree: str, feed: Feed, on_manifest: Optional[Callable[[bytes], None]] = None
    ) -> None:
        super().__init__(tree, feed)
        self._on_manifest = on_manifest
        self._manifest: Optional[bytes] = None

    def add(self, entry: Entry) -> None:
        """Make one member."""
        name = entry.name
        if name[:7] == b"rootfs/":
            path = name[7:]
            parent, last = self._split(path)
            try:
                self._make[entry.kind](entry, parent, last, path)
            except FileExistsError:
                raise broken(f"{safe(name, 200)!r} occurs twice") from None
        elif name == b"rootfs" and entry.kind == DIRECTORY:
            if self._top is not None:
                raise broken("'rootfs' occurs twice")
            self._set_top(entry)
        elif name == b"manifest" and entry.kind == FILE:
            self._take_manifest(entry)
        elif name != b"." or entry.kind != DIRECTORY:
            raise broken(
                f"{safe(name, 200)!r} is neither the file 'manifest' nor in the directory 'rootfs'"
            )

    def finish(self) -> Unpacked:
        """Finish the directories, and check that nothing is missing."""
        if self._manifest is None:
            raise broken("it has no manifest")
        if self._top is None:
            raise broken("it has no directory 'rootfs'")
        return replace(super().finish(), manifest=self._manifest)

    def _take_manifest(self, entry: Entry) -> None:
        if self._manifest is not None:
            raise broken("'manifest' occurs twice")
        if entry.real > MAX_MANIFEST:
            raise broken(f"its manifest has {entry.real} bytes, more than {MAX_MANIFEST}")
        if entry.parts is not None:
            raise broken("its manifest is a sparse file")
        self._manifest = b"".join([bytes(view) for view in self._feed.content(entry)])
        if self._on_manifest is not None:
            self._on_manifest(self._manifest)

    def _hardlink(self, entry: Entry, parent: int, name: bytes, path: bytes) -> None:
        shown = f"hard link {safe(entry.name, 200)!r} to {safe(entry.link, 200)!r}"
        if entry.link[:7] != b"rootfs/":
            raise broken(f"{shown} leaves 'rootfs'")
        try:
            self._link(entry, parent, name, path, entry.link[7:])
        except FileNotFoundError:
            raise broken(f"{shown}, which is not there") from None
