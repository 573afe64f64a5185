# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the three places of container images have in common, and how an image is found in one.

A place gives documents and layers by digest. Nothing that it says about them is believed: digests
and sizes are compared here, and by whoever unpacks.
"""

from __future__ import annotations

from podwright.errors import FetchError, ImageError, VerifyError
from podwright.model import oci, ociplatform
from podwright.model.ociconfig import parse_config
from podwright.stage0 import platform
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podwright.model.oci import Descriptor, Manifest
    from podwright.model.ociconfig import Config

    Progress = Callable[[int], None]

MAX_NESTING = 3
"""Indexes inside indexes; one level is what tools make."""


class Source:
    """A registry's repository, a layout directory or an archive. `shown` names the image."""

    shown = ""
    tries = 1
    """How many servers a layer can be had from."""
    names_layers = True
    """Whether a layer's digest is that of its bytes as stored there."""

    def top(self) -> tuple[bytes, str]:
        """The document that the reference names, and the media type that it is declared as."""
        raise NotImplementedError

    def document(self, descriptor: Descriptor) -> tuple[bytes, str]:
        """An index or manifest by its digest, and its declared type."""
        raise NotImplementedError

    def blob(self, digest: str, limit: int) -> bytes:
        """A small blob, checked against its digest."""
        raise NotImplementedError

    def layer(self, descriptor: Descriptor, attempt: int, progress: Progress) -> Iterator[bytes]:
        """A layer's bytes as stored there; `attempt` counts the servers that failed before."""
        raise NotImplementedError


@value
class Found:
    """An image in its place, every digest checked but those of its layers.

    digest  `sha256:<hex>` of the manifest's bytes
    top     the same of `raw_top`, the document that the reference led to: an index or the manifest
    """

    manifest: Manifest
    config: Config
    raw_manifest: bytes
    raw_config: bytes
    digest: str
    top: str
    raw_top: bytes


def digest_of(data: bytes, like: str = "sha256:") -> str:
    """The digest of some bytes, with the algorithm that another digest has."""
    import hashlib

    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def check_digest(data: bytes, digest: str, what: str) -> None:
    """Raise VerifyError unless the bytes have the digest."""
    found = digest_of(data, digest)
    if found != digest:
        raise VerifyError(
            f"{what} has the digest {found}, not {digest}",
            "fetch it again; if that does not help, its server is broken or lies",
            object=what,
            reason="wrong-digest",
        )


def find(source: Source) -> Found:
    """Follow indexes to the image for this host; raises ImageError, VerifyError, FetchError."""
    top, declared = source.top()
    data = top
    arch = platform.host_arch()
    seen: set[str] = set()
    document = oci.parse_document(data, declared, source.shown)
    while isinstance(document, oci.Index):
        chosen = ociplatform.choose(document, arch, source.shown)
        if chosen.digest in seen or len(seen) >= MAX_NESTING:
            raise oci.refused(source.shown, "is an index that leads to indexes without end")
        seen.add(chosen.digest)
        data, declared = _document(source, chosen)
        document = oci.parse_document(data, declared, source.shown)
    raw = source.blob(document.config.digest, oci.MAX_DOCUMENT)
    if len(raw) != document.config.size:
        raise _wrong_size(source.shown, "configuration", document.config.size, len(raw))
    config = parse_config(raw, len(document.layers), source.shown)
    ociplatform.check_host(config.platform, arch, source.shown)
    return Found(document, config, data, raw, digest_of(data), digest_of(top), top)


def _document(source: Source, chosen: Descriptor) -> tuple[bytes, str]:
    data, declared = source.document(chosen)
    check_digest(data, chosen.digest, f"image {source.shown}: its manifest")
    if len(data) != chosen.size:
        raise _wrong_size(source.shown, "manifest", chosen.size, len(data))
    plain = declared.partition(";")[0].strip().lower()
    if plain and chosen.media_type and plain != chosen.media_type:
        raise oci.refused(
            source.shown,
            f"its manifest is announced as {safe(plain, 100)}, "
            f"its index calls it {safe(chosen.media_type, 100)}",
            reason="bad-manifest",
        )
    return data, chosen.media_type


def _wrong_size(shown: str, what: str, wanted: int, got: int) -> ImageError:
    return oci.refused(
        shown, f"its {what} has {got} bytes, but is said to have {wanted}", reason="wrong-size"
    )


def short(shown: str, descriptor: Descriptor, got: int) -> FetchError:
    """The error for a layer that ends early or late."""
    return FetchError(
        f"image {shown}: layer {descriptor.digest[:19]} has {got} bytes where it should have "
        f"{descriptor.size}",
        "fetch it again; if that does not help, its server is broken or lies",
        object=shown,
        reason="wrong-size",
    )
