# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in what `docker save` writes (`docker-archive:`): a tar with `manifest.json`.

Its layers have no digests of their own, so the manifest that gets one is made here: schema 2, with
the plain layers, whose digests are the diff IDs of the configuration.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import ImageError, UsageError
from podwright.model import oci
from podwright.model.fields import Fields
from podwright.model.ociconfig import parse_config
from podwright.model.ociref import parse_docker
from podwright.stage0.oci.source import Source, check_digest, digest_of
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.model.oci import Descriptor
    from podwright.stage0.oci.files import Files
    from podwright.stage0.oci.source import Progress

_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


class DockerArchive(Source):
    """One image of an archive: the only one, the one tagged `ref`, or the Nth as `@N`."""

    names_layers = False

    def __init__(self, files: Files, ref: str, shown: str) -> None:
        self.shown = shown
        self._files = files
        config_name, self._names = self._choose(ref)
        self._config = files.read(config_name, oci.MAX_DOCUMENT)
        self._diff_ids = parse_config(self._config, len(self._names), shown).diff_ids
        self._by_digest = dict(zip(self._diff_ids, self._names))

    def top(self) -> tuple[bytes, str]:
        """See Source."""
        layers = [
            {"mediaType": _LAYER, "digest": digest, "size": self._files.size(name)}
            for digest, name in zip(self._diff_ids, self._names)
        ]
        config = {
            "mediaType": oci.DOCKER_CONFIG,
            "digest": digest_of(self._config),
            "size": len(self._config),
        }
        made = {
            "schemaVersion": 2,
            "mediaType": oci.DOCKER_MANIFEST,
            "config": config,
            "layers": layers,
        }
        return jsonio.dumps(made).encode(), oci.DOCKER_MANIFEST

    def blob(self, digest: str, limit: int) -> bytes:
        """See Source: there is only the configuration."""
        check_digest(self._config, digest, f"image {self.shown}: its configuration")
        return self._config

    def layer(self, descriptor: Descriptor, attempt: int, progress: Progress) -> Iterator[bytes]:
        """See Source."""
        for chunk in self._files.chunks(self._by_digest[descriptor.digest]):
            progress(len(chunk))
            yield chunk

    def _choose(self, ref: str) -> tuple[str, tuple[str, ...]]:
        """(name of the configuration, names of the layers, lowest first) in the archive."""
        where = f"{self._files.path}: manifest.json"
        try:
            data = self._files.read("manifest.json", oci.MAX_DOCUMENT)
        except ImageError as err:
            err.hint = "give what docker save writes; an OCI layout in a tar is oci-archive:FILE"
            raise
        raw = jsonio.loads(data, where)
        images = [
            (image.texts("RepoTags"), image.text("Config", ...), image.texts("Layers"))
            for image in Fields({"images": raw}, where).objects("images")
        ]
        if ref.startswith("@"):
            number = int(ref[1:]) if ref[1:].isdigit() and len(ref) < 8 else len(images)
            found = images[number : number + 1]
        elif ref:
            wanted = parse_docker(ref).canonical
            found = [image for image in images if wanted in map(_canonical, image[0])]
        else:
            found = images
        if len(found) != 1:
            tags = [tag for image in images for tag in image[0]]
            raise UsageError(
                f"image {self.shown}: {len(found)} images of the archive fit",
                f"name one of: {safe(', '.join(tags), 200)}, or @0 to @{len(images) - 1}",
                object=self.shown,
            )
        return found[0][1], found[0][2]


def _canonical(tag: str) -> str:
    try:
        return parse_docker(tag).canonical
    except UsageError:
        return ""
