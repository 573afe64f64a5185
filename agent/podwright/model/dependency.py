# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image manifest says about the images below it: dependencies and path whitelist (A2, A3)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.image import absolute, pairs
from podwright.model.imageref import ImageRef, format_ref
from podwright.model.names import HEX, ac_identifier, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.image import ImageManifest

MAX_DEPENDENCIES = 128
PREFIX = "sha512-"


@value
class Dependency:
    """One image that another one is built on.

    labels    those that the image must have; os and arch are filled from the host where missing
    image_id  `sha512-` and 2 to 64 digits that its ID must begin with, or ""
    size      bytes of the archive, as served or decompressed, or 0 when nothing is said
    """

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    image_id: str = ""
    size: int = 0

    @property
    def ref(self) -> ImageRef:
        """The dependency as an image argument."""
        return ImageRef("name", format_ref(self.name, self.labels), self.name, self.labels)


def parse_dependencies(manifest: ImageManifest) -> tuple[Dependency, ...]:
    """The dependencies of an image in list order. Raises UsageError naming the field."""
    fields = Fields(manifest.raw, "manifest")
    found: list[Dependency] = []
    for item in fields.objects("dependencies"):
        if len(found) == MAX_DEPENDENCIES:
            raise UsageError(f"{fields.at('dependencies')}: more than {MAX_DEPENDENCIES}")
        labels = pairs(item, "labels")
        for label, text in labels:
            ac_identifier(label, item.at("labels"))
            if label == "name" or not text or len(text) > 128 or not text.isprintable():
                raise UsageError(
                    f"{item.at('labels')}: label {safe(label, 60)!r} cannot be asked for"
                    f" with the value {safe(text, 60)!r}"
                )
        found.append(
            Dependency(
                name=ac_identifier(item.text("imageName", ...), item.at("imageName")),
                labels=labels,
                image_id=_image_id(item.text("imageID"), item.at("imageID")),
                size=item.integer("size", 0, 0, 2**53),
            )
        )
    return tuple(found)


def _image_id(text: str, where: str) -> str:
    """An image ID, or the beginning of one, cut to what the store keeps of it."""
    digits = text[len(PREFIX) :]
    if text and not (text.startswith(PREFIX) and made_of(digits, HEX) and 2 <= len(digits) <= 128):
        raise UsageError(f"{where}: {safe(text, 160)!r} is not an image ID")
    return text[: len(PREFIX) + 64]


def parse_whitelist(manifest: ImageManifest) -> frozenset[bytes]:
    """The paths, relative to the root, that the image keeps; empty when it keeps everything."""
    kept = set()
    for path in manifest.path_whitelist:
        absolute(path, "manifest.pathWhitelist")
        parts = [part for part in path.split("/") if part not in ("", ".")]
        kept.add("/".join(parts).encode("utf-8", "surrogateescape"))
    return frozenset(kept)
