# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in OCI layouts (image-spec image-layout.md), as a directory or in a tar (`oci-archive:`)."""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import ImageError, UsageError
from podwright.model import oci, ociplatform
from podwright.model.fields import Fields
from podwright.stage0 import platform
from podwright.stage0.oci.source import Source, check_digest
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.model.oci import Descriptor
    from podwright.stage0.oci.files import Files
    from podwright.stage0.oci.source import Progress

REF_NAME = "org.opencontainers.image.ref.name"
FULL_NAME = "io.containerd.image.name"
SMALL = 65536


class OciLayout(Source):
    """One image of a layout: the only one, or the one that `ref` names."""

    def __init__(self, files: Files, ref: str, shown: str) -> None:
        self._files = files
        self._ref = ref
        self.shown = shown
        self._check_version()

    def _check_version(self) -> None:
        where = f"{self._files.path}/oci-layout"
        try:
            data = self._files.read("oci-layout", SMALL)
        except ImageError as err:
            err.hint = "give an OCI layout; what docker save writes is docker-archive:FILE"
            raise
        fields = Fields(jsonio.loads(data, where), where)
        version = fields.text("imageLayoutVersion", ...)
        if not version.startswith("1."):
            raise UsageError(f"{where}: version {safe(version, 20)!r} is not known")

    def top(self) -> tuple[bytes, str]:
        """See Source."""
        data = self._files.read("index.json", oci.MAX_DOCUMENT)
        index = oci.parse_document(data, oci.OCI_INDEX, self.shown)
        if not isinstance(index, oci.Index):
            raise oci.refused(self.shown, "has an index.json that is no index")
        entries = [entry for entry in index.manifests if self._is_asked(entry)]
        if len(entries) > 1:
            entries = [ociplatform.choose(oci.Index(tuple(entries)), self._arch(), self.shown)]
        if not entries:
            raise self._absent(index)
        return self.document(entries[0])

    def _arch(self) -> str:
        return platform.host_arch()

    def _is_asked(self, entry: Descriptor) -> bool:
        if not self._ref:
            return True
        names = dict(entry.annotations)
        return self._ref in (names.get(REF_NAME), names.get(FULL_NAME), entry.digest)

    def _absent(self, index: oci.Index) -> ImageError:
        names = [dict(entry.annotations).get(REF_NAME, "") for entry in index.manifests]
        there = ", ".join(name for name in names if name) or "none with a name"
        return oci.refused(
            self.shown,
            f"is not in it; it has: {safe(there, 200)}",
            "name one that it has",
            "not-found",
        )

    def document(self, descriptor: Descriptor) -> tuple[bytes, str]:
        """See Source."""
        return self.blob(descriptor.digest, oci.MAX_DOCUMENT), descriptor.media_type

    def blob(self, digest: str, limit: int) -> bytes:
        """See Source."""
        data = self._files.read(_name(digest), limit)
        check_digest(data, digest, f"image {self.shown}: its blob {digest[:19]}")
        return data

    def layer(self, descriptor: Descriptor, attempt: int, progress: Progress) -> Iterator[bytes]:
        """See Source."""
        for chunk in self._files.chunks(_name(descriptor.digest)):
            progress(len(chunk))
            yield chunk


def _name(digest: str) -> str:
    """Where a checked digest's blob lies."""
    algorithm, _, text = digest.partition(":")
    return f"blobs/{algorithm}/{text}"
