# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as a registry wants it: a manifest, a configuration and layers with digests.

An image of an OCI layout goes as it is, so that its digest and its signatures stay right. An ACI
becomes one layer, a stored image one for each of its own; packing them again gives the same bytes.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model import oci
from podwright.stage0 import images
from podwright.stage0.build import archive, layout, members, ociconfig, scan
from podwright.stage0.build.entries import member_of
from podwright.stage0.build.source import oci_layout
from podwright.stage0.oci.source import digest_of
from podwright.stage0.platform import host_arch
from podwright.stage0.render import decompress, tarread
from podwright.stage0.render.tarread import BLOCKDEV, CHAR, FILE, HARDLINK
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.image import ImageManifest
    from podwright.stage0.build.members import Member

    Progress = Callable[[str, int, Optional[int]], None]

MEDIA_TYPES = {
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    "none": "application/vnd.oci.image.layer.v1.tar",
}


@value
class Blob:
    """Content with a digest; `content` gives its bytes, anew each time."""

    digest: str
    size: int
    content: Callable[[], Iterable[bytes]]


@value
class Package:
    """An image ready to be sent: `blobs` are the layers and last the configuration.

    lost  what the image says that a container image cannot, in words
    """

    manifest: bytes
    media_type: str
    blobs: tuple[Blob, ...]
    lost: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What is signed, and pinned."""
        return digest_of(self.manifest)


def package(
    data: Layout,
    image: str,
    compression: str,
    scratch: str,
    progress: Progress,
    insecure: frozenset[str] = frozenset(),
) -> Package:
    """Read a stored image, an ACI file or an OCI layout; layers that are made lie in `scratch`."""
    found = oci_layout(image)
    if found is not None:
        return _of_layout(*found)
    if compression not in MEDIA_TYPES:
        raise UsageError(
            f"layers cannot be compressed with {safe(compression, 40)}",
            f"use one of {', '.join(MEDIA_TYPES)}",
        )
    packer = _Packer(compression, scratch, lambda done: progress(image, done, None))
    if os.path.isfile(image):
        manifest = _whole(archive.check(image).manifest, image)
        packer.add(_of_archive(image))
        return packer.finish(manifest, None)
    options = images.FetchOptions(pull_policy="never", insecure=insecure)
    stored = images.resolve(data, image, options)
    for tree in reversed(stored.trees):
        packer.add(scan.members(tree, scan.Rules(layer=True), _ignore))
    return packer.finish(stored.manifest, _own_config(f"{data.images}/{stored.id}/oci-config"))


def _ignore(_line: str) -> None:
    """Stored trees hold nothing that could be left out."""


def _whole(manifest: ImageManifest, image: str) -> ImageManifest:
    if manifest.dependencies or manifest.path_whitelist:
        raise UsageError(
            f"image {safe(image, 300)} is built on other images",
            "fetch it, then push it by its name: the store has all of it",
            object=safe(image, 300),
        )
    return manifest


def _own_config(path: str) -> Optional[dict[str, Any]]:
    """The configuration that a container image came with."""
    try:
        with open(path, "rb") as file:
            found: dict[str, Any] = jsonio.loads(file.read(oci.MAX_DOCUMENT + 1), path)
            return found
    except FileNotFoundError:
        return None


class _Packer:
    def __init__(self, compression: str, scratch: str, report: Callable[[int], None]) -> None:
        self._compression = compression
        self._scratch = scratch
        self._report = report
        self._layers: list[Blob] = []
        self._diff_ids: list[str] = []

    def add(self, found: Iterable[Member]) -> None:
        """Pack one layer, above those before."""
        path = f"{self._scratch}/layer-{len(self._layers)}"
        pieces = members.archive(found)
        written = archive.write(pieces, path, self._compression, self._report, "sha256")
        digest = f"sha256:{written.raw}"
        self._layers.append(Blob(digest, written.raw_size, lambda: archive.chunks(path)))
        self._diff_ids.append(f"sha256:{written.plain}")

    def finish(self, manifest: ImageManifest, own: Optional[dict[str, Any]]) -> Package:
        """The package; `own` is a configuration to keep, but for what its layers are."""
        config = ociconfig.configuration(manifest, self._diff_ids)
        lost: tuple[str, ...] = tuple(ociconfig.lost(manifest))
        if own is not None:
            config, lost = {**own, "rootfs": config["rootfs"]}, ()
            config.pop("history", None)
        data = jsonio.dumps(config).encode()
        kind = MEDIA_TYPES[self._compression]
        document = {
            "schemaVersion": 2,
            "mediaType": oci.OCI_MANIFEST,
            "config": {"mediaType": oci.OCI_CONFIG, "digest": digest_of(data), "size": len(data)},
            "layers": [
                {"mediaType": kind, "digest": blob.digest, "size": blob.size}
                for blob in self._layers
            ],
        }
        blobs = (*self._layers, Blob(digest_of(data), len(data), lambda: (data,)))
        return Package(jsonio.dumps(document).encode(), oci.OCI_MANIFEST, blobs, lost)


def _of_archive(path: str) -> Iterator[Member]:
    """What an ACI has below `rootfs/`."""
    source = tarread.Source(decompress.plain(archive.chunks(path), decompress.Limits()))
    for entry in tarread.entries(source):
        name = entry.name
        if not name.startswith(b"rootfs/") or entry.kind in (CHAR, BLOCKDEV):
            if entry.kind == FILE:
                source.skip(entry.size)
            continue
        member = member_of(name[len(b"rootfs/") :], entry, source)
        if entry.kind == HARDLINK:
            member.link = entry.link[len(b"rootfs/") :]
        yield member


def _of_layout(path: str, reference: str) -> Package:
    image = layout.read(path, reference, host_arch())
    where = f"oci:{path}"
    blobs = tuple(
        Blob(each.digest, each.size, lambda each=each: layout.chunks(path, each, where))  # type: ignore[misc]
        for each in (*image.layers, image.config_descriptor)
    )
    kind = image.descriptor.media_type
    return Package(image.manifest, kind, blobs)
