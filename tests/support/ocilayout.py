# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make OCI image layouts (image-spec, image-layout.md) by hand, so that every field can be what a test wants.

layout = OciLayout(tmp_path / "layout")
layer = layout.layer([("bin", DIR), ("bin/busybox", BYTES)], "gzip")        # or layout.layer_of(tar_bytes, "zstd")
image = layout.image([layer], {"Entrypoint": ["/bin/busybox"], "Cmd": ["sh"]})
layout.tag(image, "1.0")                                                    # or tag(layout.index([image, other]), …)
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
SUFFIX = {"": "", "gzip": "+gzip", "zstd": "+zstd"}
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())

Member = tuple[str, "bytes | None"] | tarfile.TarInfo
"""(path, content), (path, None) for a directory, or a header for anything else."""

BUSYBOX = Path("/bin/busybox")


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer in the layout: its descriptor, and the digest of its tar."""

    descriptor: dict[str, Any]
    diff_id: str


def tar(members: Iterable[Member]) -> bytes:
    """A tar of these members, owned by root, with mode 0755."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            info.mode = 0o755
            info.mtime = 1_700_000_000
            if content is None:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def special(name: str, kind: bytes, target: str = "", **fields: Any) -> tarfile.TarInfo:
    """A header without content: a link, a pipe, a device."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime, info.mode = kind, target, 1_700_000_000, 0o644
    for field, wanted in fields.items():
        setattr(info, field, wanted)
    return info


def compress(data: bytes, how: str) -> bytes:
    """Compress with "", "gzip" or "zstd"."""
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(
            ["zstd", "-q", "-c"], input=data, capture_output=True, check=True
        ).stdout
    return data


class OciLayout:
    """See the module."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blobs = path / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self._entries: list[dict[str, Any]] = []
        self._write_index()

    def blob(self, data: bytes, media_type: str, **fields: Any) -> dict[str, Any]:
        """Store a blob; returns its descriptor, with more `fields` when given."""
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **fields}

    def json(self, value: Any, media_type: str, **fields: Any) -> dict[str, Any]:
        """Store a JSON document; returns its descriptor."""
        return self.blob(json.dumps(value).encode(), media_type, **fields)

    def layer(self, members: Iterable[Member], compression: str = "gzip") -> Layer:
        """Store a layer made of members."""
        return self.layer_of(tar(members), compression)

    def layer_of(self, data: bytes, compression: str = "gzip") -> Layer:
        """Store a layer made of a tar."""
        descriptor = self.blob(compress(data, compression), LAYER + SUFFIX[compression])
        return Layer(descriptor, f"sha256:{hashlib.sha256(data).hexdigest()}")

    def config(
        self, layers: Sequence[Layer], config: Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """An image configuration; `fields` replace what it has at its top (`architecture`, `rootfs`, ...)."""
        return {
            "created": "2026-01-02T03:04:05Z",
            "architecture": ARCH,
            "os": "linux",
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            **fields,
        }

    def image(
        self,
        layers: Sequence[Layer],
        config: Mapping[str, Any] | None = None,
        *,
        manifest: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Store an image; returns its descriptor with its platform. `manifest` replaces fields of the manifest."""
        content = self.config(layers, config, **fields)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.json(content, CONFIG),
            "layers": [layer.descriptor for layer in layers],
            **(manifest or {}),
        }
        platform_of = {"os": content["os"], "architecture": content["architecture"]}
        return self.json(document, MANIFEST, platform=platform_of)

    def index(self, images: Sequence[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
        """Store an index of images; returns its descriptor."""
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(images), **fields}
        return self.json(document, INDEX)

    def tag(self, descriptor: Mapping[str, Any], name: str = "") -> Path:
        """Name an image or index in the layout's own index; returns the layout's path."""
        entry = dict(descriptor)
        if name:
            entry["annotations"] = {"org.opencontainers.image.ref.name": name}
        self._entries.append(entry)
        self._write_index()
        return self.path

    def _write_index(self) -> None:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self._entries}
        (self.path / "index.json").write_text(json.dumps(document))


def busybox_members() -> list[Member]:
    """A root with busybox under the names that tests use."""
    names = ("sh", "cat", "echo", "env", "id", "ls", "pwd", "sleep", "true", "touch", "test")
    out: list[Member] = [
        ("bin", None),
        ("bin/busybox", BUSYBOX.read_bytes()),
        ("etc", None),
        ("tmp", None),
    ]
    out += [special(f"bin/{name}", tarfile.SYMTYPE, "busybox", mode=0o777) for name in names]
    return out


def busybox_layout(
    path: Path, name: str = "", config: Mapping[str, Any] | None = None, **fields: Any
) -> OciLayout:
    """A layout with one runnable image of one gzip layer."""
    layout = OciLayout(path)
    layer = layout.layer(busybox_members())
    layout.tag(layout.image([layer], config or {"Cmd": ["/bin/sh"]}, **fields), name)
    return layout
