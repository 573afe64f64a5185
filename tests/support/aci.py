# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make App Container Images (appc spec 0.8.11, "App Container Image Format").

Deterministic: the same root file system and manifest give the same bytes, so an image can be cached by its inputs,
and two builds of one image have one image ID.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]

AC_VERSION = "0.8.11"
MACHINE_TO_ARCH = {"x86_64": "amd64", "aarch64": "aarch64", "i686": "i386", "ppc64le": "ppc64le"}
"""`uname -m` to the values that the appc spec allows for the label `arch` on Linux."""

BINARY_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def host_arch() -> str:
    """Return the label `arch` of an image that runs on this machine."""
    return MACHINE_TO_ARCH[platform.machine()]


def app(
    exec_: Sequence[str],
    *,
    user: str = "0",
    group: str = "0",
    ports: Sequence[Mapping[str, Any]] = (),
    mount_points: Sequence[Mapping[str, Any]] = (),
    environment: Mapping[str, str] | None = None,
    working_directory: str = "/",
    isolators: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the `app` section of an image manifest; empty optional parts are left out."""
    section: dict[str, Any] = {
        "exec": list(exec_),
        "user": user,
        "group": group,
        "workingDirectory": working_directory,
        "environment": [
            {"name": k, "value": v} for k, v in (environment or {"PATH": BINARY_PATH}).items()
        ],
    }
    for key, values in (("ports", ports), ("mountPoints", mount_points), ("isolators", isolators)):
        if values:
            section[key] = [dict(value) for value in values]
    return section


def image_manifest(
    name: str,
    version: str,
    app_section: Mapping[str, Any] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    **extra: Any,
) -> Manifest:
    """Return an image manifest with the labels version, os and arch (of this host, unless `labels` says otherwise).

    `extra` are further top-level fields as the spec spells them: `dependencies`, `pathWhitelist`, `annotations`.
    """
    merged = {"version": version, "os": "linux", "arch": host_arch(), **(labels or {})}
    manifest: Manifest = {
        "acKind": "ImageManifest",
        "acVersion": AC_VERSION,
        "name": name,
        "labels": [{"name": key, "value": value} for key, value in merged.items()],
    }
    if app_section is not None:
        manifest["app"] = dict(app_section)
    manifest.update(extra)
    return manifest


def build(rootfs: Path, manifest: Manifest, output: Path) -> str:
    """Write the gzip-compressed image `output` and return its full image ID (`sha512-` and 128 hex digits)."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_bytes(archive, "manifest", json.dumps(manifest, sort_keys=True).encode())
        for path in _walk(rootfs):
            _add_path(archive, rootfs, path)
    data = plain.getvalue()
    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        output.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as out,
    ):
        out.write(data)
    return "sha512-" + hashlib.sha512(data).hexdigest()


def image_id(path: Path) -> str:
    """Return the full image ID of an existing image: the digest of its uncompressed archive."""
    with gzip.open(path) as stream:
        digest = hashlib.sha512()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return "sha512-" + digest.hexdigest()


def _walk(rootfs: Path) -> Iterable[Path]:
    yield rootfs
    yield from sorted(rootfs.rglob("*"))


def _add_path(archive: tarfile.TarFile, rootfs: Path, path: Path) -> None:
    relative = path.relative_to(rootfs)
    member = archive.gettarinfo(path, arcname=str(Path("rootfs") / relative))
    member.uname = member.gname = ""
    member.mtime = 0
    if member.isreg():
        with path.open("rb") as stream:
            archive.addfile(member, stream)
    else:
        archive.addfile(member)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(data))
