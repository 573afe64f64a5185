# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read an OCI layout on disk (image-spec, image-layout.md), every digest checked."""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model import oci, ociconfig, ociplatform
from podwright.model.fields import Fields
from podwright.stage0.oci.files import Directory
from podwright.stage0.oci.layout import REF_NAME
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.model.oci import Descriptor
    from podwright.model.ociconfig import Config


@value
class LayoutImage:
    """One image of a layout; `manifest` and `config_bytes` are as they lie there, `tag` its name."""

    path: str
    tag: str
    descriptor: Descriptor
    manifest: bytes
    config: Config
    config_bytes: bytes
    config_descriptor: Descriptor
    layers: tuple[Descriptor, ...]


def read(path: str, reference: str, arch: str) -> LayoutImage:
    """The image that `reference` ("" when there is but one) names, for an appc architecture.

    Raises UsageError, ImageError.
    """
    where = safe(f"oci:{path}:{reference}".rstrip(":"), 300)
    entry = _entry(path, reference, where)
    tag = dict(entry.annotations).get(REF_NAME, "")
    for _ in range(2):
        data = blob(path, entry, oci.MAX_DOCUMENT, where)
        document = oci.parse_document(data, entry.media_type, where)
        if isinstance(document, oci.Manifest):
            config_bytes = blob(path, document.config, oci.MAX_DOCUMENT, where)
            config = ociconfig.parse_config(config_bytes, len(document.layers), where)
            return LayoutImage(
                path, tag, entry, data, config, config_bytes, document.config, document.layers
            )
        entry = ociplatform.choose(document, arch, where)
    raise oci.refused(where, "an index in it names another index", "name an image")


def _entry(path: str, reference: str, where: str) -> Descriptor:
    with Directory(path) as inside:
        version = Fields(jsonio.loads(inside.read("oci-layout", 4096), "oci-layout"), "oci-layout")
        version.choice("imageLayoutVersion", ("1.0.0",), ...)
        data = inside.read("index.json", oci.MAX_DOCUMENT)
    document = oci.parse_document(data, oci.OCI_INDEX, where)
    if not isinstance(document, oci.Index):
        raise oci.refused(where, "its index.json is no index")
    tags = [dict(entry.annotations).get(REF_NAME, "") for entry in document.manifests]
    found = [
        entry
        for tag, entry in zip(tags, document.manifests)
        if not reference or reference in (tag, entry.digest)
    ]
    if len(found) == 1:
        return found[0]
    names = safe(", ".join(tag for tag in tags if tag) or "none has a name", 200)
    why = "holds several images" if found else "has no such image"
    raise UsageError(f"{where} {why}", f"name one, as oci:PATH:REF; there: {names}", object=where)


def blob(path: str, descriptor: Descriptor, limit: int, where: str) -> bytes:
    """A small blob."""
    if descriptor.size > limit:
        raise oci.refused(where, f"{descriptor.digest} is larger than {limit} bytes")
    return b"".join(chunks(path, descriptor, where))


def chunks(path: str, descriptor: Descriptor, where: str) -> Iterator[bytes]:
    """The bytes of a blob. Raises ImageError at the end when they are not what the digest says."""
    import hashlib

    algorithm, _, digits = descriptor.digest.partition(":")
    hashed = hashlib.new(algorithm)
    size = 0
    with Directory(path) as inside:
        for chunk in inside.chunks(f"blobs/{algorithm}/{digits}"):
            hashed.update(chunk)
            size += len(chunk)
            yield chunk
    if (hashed.hexdigest(), size) != (digits, descriptor.size):
        raise oci.refused(
            where,
            f"{descriptor.digest} is damaged: its content has another digest or size",
            reason="bad-digest",
        )
