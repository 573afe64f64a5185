# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a build's files and the beginning of its manifest come from."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.stage0.build import scan
from podwright.stage0.build.members import Material
from podwright.stage0.web.sources import open_regular
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage0.build.spec import Spec

MAX_MANIFEST = 4 * 1024 * 1024


def material(spec: Spec) -> Material:
    """Look at the source. Raises UsageError when it is nothing that an image can be made of."""
    rules = scan.Rules(spec.owner, spec.latest)
    layout = oci_layout(spec.source)
    if layout is not None:
        from podwright.stage0.build import flatten

        arch = dict(spec.edits.labels).get("arch", "")
        return flatten.material(*layout, rules, arch)
    if not os.path.isdir(spec.source):
        raise UsageError(
            f"{safe(spec.source, 300)} is no directory",
            "give a root file system, a directory with manifest and rootfs/, or oci:PATH[:REF]",
            object=safe(spec.source, 300),
        )
    root, manifest = _root_and_manifest(spec.source)
    if os.path.realpath(spec.output).startswith(f"{os.path.realpath(root)}/"):
        raise UsageError(
            f"{safe(spec.output, 300)} lies in {safe(root, 300)}, which the image is made of",
            "make the archive elsewhere: it would become a part of itself",
            object=safe(spec.output, 300),
        )
    return Material(manifest, lambda warn: scan.members(root, rules, warn))


def oci_layout(source: str) -> Optional[tuple[str, str]]:
    """(path, reference or "") when the source is an OCI layout."""
    if source.startswith("oci:"):
        path = source[len("oci:") :]
        if os.path.isdir(path):
            return path, ""
        path, _, reference = path.rpartition(":")
        return path, reference
    return (source, "") if os.path.isfile(f"{source}/oci-layout") else None


def _root_and_manifest(source: str) -> tuple[str, Optional[dict[str, Any]]]:
    """An image taken apart has `manifest` and `rootfs/`; anything else is a root itself."""
    root, path = f"{source}/rootfs", f"{source}/manifest"
    if not os.path.isdir(root) or os.path.islink(root):
        return source, None
    if os.path.isfile(path):
        return root, read_manifest(path)
    return (root, None) if os.listdir(source) == ["rootfs"] else (source, None)


def read_manifest(path: str) -> dict[str, Any]:
    """A manifest file's object."""
    with open(open_regular(path, "manifest"), "rb") as file:
        found = jsonio.loads(file.read(MAX_MANIFEST + 1), safe(path, 300), limit=MAX_MANIFEST)
    if not isinstance(found, dict):
        raise UsageError(f"{safe(path, 300)}: must be a JSON object", object=safe(path, 300))
    return found
