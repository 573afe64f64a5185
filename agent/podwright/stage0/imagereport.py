# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stored image looks like from outside: the objects of `image list --format=json`."""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.stage0 import usage, verdict
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage
    from podwright.stage0.verdict import Verdict


def users(layout: Layout) -> Optional[dict[str, str]]:
    """Image ID -> a pod or image that needs it, in words; None when that cannot be told."""
    try:
        above = {below: f"image {name}" for below, name in usage.by_images(layout).items()}
        return {**above, **usage.by_pods(layout)}
    except PodwrightError:
        return None


def as_json(image: StoredImage, used: Optional[dict[str, str]]) -> dict[str, Any]:
    """One image; times are RFC 3339.

    used_by  what `users` says: text, "" when nothing needs it, null when that cannot be told
    """
    return {
        "id": image.id,
        "name": full_name(image),
        "labels": dict(image.labels),
        "import_time": image.imported,
        "last_used_time": image.last_used,
        "size": image.size,
        "verdict": verdict_json(image.verdict),
        "transport": image.transport,
        "identity": image.identity,
        "digest": image.digest or image.id,
        "source": dict(image.source),
        "latest": image.latest,
        "layers": len(image.trees),
        "dependencies": list(image.dependencies),
        "used_by": None if used is None else used.get(image.id, ""),
    }


def full_name(image: StoredImage) -> str:
    """name:version."""
    version = image.manifest.label("version")
    return f"{image.name}:{version}" if version else image.name


def verdict_json(found: Verdict) -> dict[str, Any]:
    """A verdict: its words for people, and what they were made of."""
    out: dict[str, Any] = to_json(found)
    return {"text": verdict.text(found), **out}
