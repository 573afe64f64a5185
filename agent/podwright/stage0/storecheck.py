# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`image verify`: read everything that is stored of an image and compare it with what was stored.

The archive must give the image's ID, the files beside it and every tree must have the digests
that were noted, the record, the manifest and the names must agree, and everything the image is
built on must be there.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.model.image import parse_image
from podwright.stage0 import archive, imagecheck, store, storewriter, treecheck
from podwright.stage0.treecheck import Difference
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.stage0.store import Layer, Record


@value
class Checked:
    """One image: `name` is name:version, "" when its record cannot be read."""

    id: str
    name: str
    differences: tuple[Difference, ...]


def _shown(record: Record) -> str:
    """name:version."""
    version = dict(record.labels).get("version", "")
    return f"{record.name}:{version}" if version else record.name


class Check:
    """One run over some images; layers that several of them share are read once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._layers: dict[Layer, list[Difference]] = {}
        self._references = storewriter.references(layout)

    def image(self, image_id: str) -> Checked:
        """Check one image."""
        found = imagecheck.differences(self._layout, image_id)
        try:
            record = store.read_record(self._layout, image_id)
        except PodwrightError as err:
            return Checked(image_id, "", (*found, Difference("record.json", err.message)))
        if record is None:
            return Checked(image_id, "", (Difference("record.json", "removed"),))
        found += self._manifest(record)
        if record.transport == "appc":
            found += self._archive(record)
        for layer in record.layers:
            found += self._layer(layer)
        for below in record.dependencies:
            if below not in store.image_ids(self._layout):
                found.append(Difference(below[:19], "it is built on this image, which is missing"))
        found += self._names(record)
        return Checked(image_id, _shown(record), tuple(dict.fromkeys(found)))

    def _manifest(self, record: Record) -> list[Difference]:
        path = f"{self._layout.images}/{record.id}/manifest"
        try:
            with open(path, "rb") as file:
                manifest = parse_image(jsonio.loads(file.read(), "manifest"))
        except (OSError, PodwrightError) as err:
            return [Difference("manifest", f"cannot be read: {safe(err, 200)}")]
        if (manifest.name, manifest.labels) != (record.name, record.labels):
            return [Difference("manifest", "is of another image than the record")]
        return []

    def _archive(self, record: Record) -> list[Difference]:
        try:
            found = archive.facts(archive.path(self._layout, record.id)).id
        except PodwrightError as err:
            return [Difference("aci", err.message)]
        if found != record.id:
            return [Difference("aci", f"is the archive of {found[:19]}")]
        return []

    def _layer(self, layer: Layer) -> list[Difference]:
        if layer not in self._layers:
            shown = f"tree {layer.tree[:19]}"
            self._layers[layer] = [
                Difference(f"{shown}: {one.path}", one.what)
                for one in treecheck.verify_full(self._layout, layer)
            ]
        return self._layers[layer]

    def _names(self, record: Record) -> list[Difference]:
        """The names under which the image is looked up: its own, and no other."""
        names = [name for name, image_id in self._references if image_id == record.id]
        out = [
            Difference(safe(name), "this name leads to it, but is not its own")
            for name in names
            if name != record.name
        ]
        if record.name not in names:
            out.append(Difference(record.name, "its name does not lead to it"))
        return out
