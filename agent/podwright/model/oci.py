# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of container images: index (manifest list), manifest; OCI and Docker schema 2.

Sources: OCI image-spec 1.1 (descriptor.md, image-index.md, manifest.md), Docker's image manifest
version 2, schema 2. What a document is depends on its bytes and on the type that it was announced
as, which must agree (threats.md T26, CVE-2021-41190).
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import ImageError, UsageError
from podwright.model.fields import Fields
from podwright.model.ociref import is_digest
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of an index, a manifest or a configuration (threats.md B11)."""
MAX_LAYERS = 128
MAX_MANIFESTS = 1024
MAX_LAYER = 16 * 1024**3

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

INDEXES = (OCI_INDEX, DOCKER_LIST)
MANIFESTS = (OCI_MANIFEST, DOCKER_MANIFEST)
CONFIGS = (OCI_CONFIG, DOCKER_CONFIG)
ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))
LAYERS = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
)
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"


@value
class Platform:
    """What an image was built for, in the words of Go: `linux`, `arm64`, `v8`."""

    os: str
    architecture: str
    variant: str = ""


@value
class Descriptor:
    """A reference to content: `size` in bytes; `platform` None when not said."""

    media_type: str
    digest: str
    size: int
    platform: Optional[Platform] = None
    annotations: tuple[tuple[str, str], ...] = ()


@value
class Index:
    """An index or manifest list."""

    manifests: tuple[Descriptor, ...]


@value
class Manifest:
    """An image: `layers` lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


def refused(where: str, why: str, hint: str = "", reason: str = "") -> ImageError:
    """The error for an image that cannot be accepted."""
    return ImageError(
        f"image {where}: {why}",
        hint or "get another build of it",
        object=where,
        reason=reason or "bad-image",
    )


def parse_document(data: bytes, declared: str, where: str) -> Union[Index, Manifest]:
    """Read an index or a manifest.

    declared  the media type that the server or the referring descriptor says, parameters allowed;
              "" when nothing does
    where     names the image in errors
    Raises ImageError.
    """
    announced = declared.partition(";")[0].strip().lower()
    if announced.startswith(_SCHEMA1):
        raise _schema1(where)
    if len(data) > MAX_DOCUMENT:
        raise refused(where, f"its manifest is larger than {MAX_DOCUMENT} bytes")
    try:
        fields = Fields(jsonio.loads(data, "manifest", limit=MAX_DOCUMENT), "manifest")
        return _document(fields, announced, where)
    except UsageError as err:
        raise refused(where, err.message, reason="bad-manifest") from None


def _document(fields: Fields, announced: str, where: str) -> Union[Index, Manifest]:
    version = fields.raw("schemaVersion")
    if (type(version) is int and version == 1) or fields.raw("fsLayers") is not None:
        raise _schema1(where)
    fields.integer("schemaVersion", ..., 2, 2)
    own = fields.text("mediaType")
    if own and announced and own != announced:
        raise UsageError(
            f"manifest: calls itself {safe(own, 100)}, but is announced as {safe(announced, 100)}"
        )
    kind = own or announced
    has_list = fields.raw("manifests") is not None
    has_image = any(fields.raw(name) is not None for name in ("layers", "config"))
    if has_list and has_image:
        raise UsageError("manifest: is an index and an image at once")
    if kind in INDEXES and has_list:
        return _index(fields)
    if kind in MANIFESTS and has_image:
        return _manifest(fields, where)
    if kind in INDEXES + MANIFESTS:
        raise UsageError(f"manifest: lacks what a {kind} has")
    raise UsageError(f"manifest: type {safe(kind or 'nothing', 100)} is not that of an image")


def _schema1(where: str) -> ImageError:
    return refused(
        where,
        "is in Docker's old format (manifest schema 1), which does not name its content safely",
        "push it again with a current tool, which uses schema 2 or OCI",
        "schema1",
    )


def _index(fields: Fields) -> Index:
    found = tuple(_descriptor(item) for item in fields.objects("manifests"))
    if len(found) > MAX_MANIFESTS:
        raise UsageError(f"manifest: lists more than {MAX_MANIFESTS} images")
    return Index(found)


def _manifest(fields: Fields, where: str) -> Manifest:
    child = fields.child("config")
    if child is None:
        raise UsageError("manifest.config: is missing")
    config = _descriptor(child)
    artifact = fields.text("artifactType")
    if artifact or config.media_type not in CONFIGS:
        raise refused(
            where,
            f"is not an image but something else ({safe(artifact or config.media_type, 100)})",
            "name an image",
            "not-an-image",
        )
    if config.size > MAX_DOCUMENT:
        raise UsageError(f"manifest.config: is larger than {MAX_DOCUMENT} bytes")
    layers = tuple(_layer(item) for item in fields.objects("layers"))
    if not layers:
        raise refused(where, "has no layers", reason="no-layers")
    if len(layers) > MAX_LAYERS:
        raise refused(where, f"has {len(layers)} layers, more than the limit of {MAX_LAYERS}")
    if config.digest in [layer.digest for layer in layers]:
        raise UsageError("manifest: its configuration is one of its layers")
    return Manifest(config, layers)


def _layer(fields: Fields) -> Descriptor:
    kind = fields.text("mediaType", ...)
    at = fields.path
    if fields.texts("urls") or "foreign" in kind or "nondistributable" in kind:
        raise UsageError(f"{at}: lies on a server elsewhere (foreign layer), which is not followed")
    if kind.endswith("+encrypted"):
        raise UsageError(f"{at}: is encrypted")
    if kind not in LAYERS:
        raise UsageError(f"{at}.mediaType: {safe(kind, 100)} is not a layer that we can read")
    return _descriptor(fields)


def _descriptor(fields: Fields) -> Descriptor:
    digest = fields.text("digest", ...)
    if not is_digest(digest):
        raise UsageError(
            f"{fields.at('digest')}: {safe(digest, 80)!r} is not a sha256 or sha512 digest"
        )
    size = fields.integer("size", ..., 0, MAX_LAYER)
    child = fields.child("platform")
    platform = None
    if child is not None:
        platform = Platform(
            child.text("os", ...), child.text("architecture", ...), child.text("variant")
        )
    annotations = tuple(sorted(fields.mapping("annotations").items()))
    return Descriptor(fields.text("mediaType"), digest, size, platform, annotations)
