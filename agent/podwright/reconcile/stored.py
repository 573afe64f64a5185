# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a desired state: present, the latest, or absent."""

from __future__ import annotations

import os

from podwright.errors import UsageError
from podwright.model.imageref import parse_ref
from podwright.reconcile import canonical
from podwright.stage0 import imagereport, images, usage, verdict
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.spec import ImageSpec
    from podwright.stage0.images import Progress, StoredImage


def apply_image(
    layout: Layout, spec: ImageSpec, check: bool, progress: Optional[Progress]
) -> dict[str, Any]:
    """Make one image be as it should, or say what that would change: its part of the answer.

    `action` is `fetch`, `remove` or `none`. In check mode the server is asked where a run would
    ask it, and what only a download could tell is `to be fetched`.
    """
    if spec.state == "absent":
        return _remove(layout, spec, check)
    before = stored_image(layout, spec.name)
    after: Optional[StoredImage]
    if check:
        after, fetches = images.would_resolve(layout, spec.name, _options(spec))
    else:
        after = images.resolve(layout, spec.name, _options(spec), progress)
        fetches = before is None or before.id != after.id
    known = None if check and fetches else after
    part = _part(spec, "fetch" if fetches else "none", known)
    part["diff"] = {"before": _view(before), "after": _view(known) or _to_be_fetched(spec)}
    return part


def stored_image(layout: Layout, text: str) -> Optional[StoredImage]:
    """The image in the store that the argument means, whatever its verdict is worth now."""
    found = images.find_images(layout, text)
    return found[-1] if found else None


def _options(spec: ImageSpec) -> images.FetchOptions:
    return images.FetchOptions(
        pull_policy="update" if spec.state == "latest" else "new",
        insecure=spec.insecure,
        signature=spec.signature,
        credentials=spec.credentials,
        digest=spec.digest,
    )


def _remove(layout: Layout, spec: ImageSpec, check: bool) -> dict[str, Any]:
    """All images go that the argument means, or of them the one with the digest that was given."""
    found = [
        image
        for image in _all_of(layout, spec.name)
        if not spec.digest or spec.digest in (image.id, image.digest)
    ]
    if len(found) > 1 and spec.name.startswith("sha512-"):
        raise UsageError(
            f"image ID {safe(spec.name, 160)} is ambiguous: {len(found)} images begin so",
            "give more digits",
            object=safe(spec.name, 160),
        )
    for image in found:
        usage.refuse_used(layout, image.id, image.name)
    for image in found if not check else ():
        usage.remove(layout, image.id, image.name)
    part = _part(spec, "remove" if found else "none", None)
    views = [_view(image) for image in found]
    part["diff"] = {"before": views if len(views) > 1 else (views or [{}])[0], "after": {}}
    return part


def _all_of(layout: Layout, text: str) -> list[StoredImage]:
    """Every stored image that the argument means or has meant: a tag, a file or a URL may have had
    several, and the file may be gone.
    """
    ref = parse_ref(text, os.path.isfile)
    found = images.find_images(layout, text)
    if ref.kind in ("id", "name"):
        return found
    path = images.file_path(ref, None)
    inside = ref.location.partition(":")[2]
    place = {
        "url": ref.location,
        "file": path,
        "docker": ref.location.replace(f":{ref.version}@", "@") if ref.version else ref.location,
    }.get(ref.kind, f"{path}:{inside}" if inside else path)
    known = {image.id for image in found}
    return found + [
        image
        for image in images.list_images(layout)
        if image.id not in known
        and (image.source["kind"], image.source["url"]) == (ref.kind, place)
    ]


def _part(spec: ImageSpec, action: str, image: Optional[StoredImage]) -> dict[str, Any]:
    return {
        "label": spec.name,
        "name": spec.name,
        "action": action,
        "changed": action != "none",
        "id": image.id if image else None,
        "version": image.manifest.label("version") if image else None,
        "digest": image.digest or image.id if image else None,
        "verdict": imagereport.verdict_json(image.verdict) if image else None,
    }


def _view(image: Optional[StoredImage]) -> dict[str, str]:
    if image is None:
        return {}
    return {
        "id": image.id,
        "version": image.manifest.label("version"),
        "digest": image.digest or image.id,
        "verdict": verdict.text(image.verdict),
    }


def _to_be_fetched(spec: ImageSpec) -> dict[str, str]:
    """What is known beforehand of an image that is going to be fetched."""
    unknown = canonical.UNRESOLVED
    return {
        **dict.fromkeys(("id", "version", "verdict"), unknown),
        "digest": spec.digest or unknown,
    }
