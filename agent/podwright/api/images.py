# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as the fields of the API's messages, and its filters on them."""

from __future__ import annotations

from podwright import jsonio
from podwright.api.pods import has_pairs
from podwright.errors import PodwrightError
from podwright.metrics.pods import seconds
from podwright.stage0 import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

    from podwright.host.paths import Layout

MOST = 16 << 20
TYPES = {"docker": "DOCKER", "oci": "OCI"}


def fields(layout: Layout, image_id: str, *, detail: bool) -> Optional[dict[str, Any]]:
    """The fields of `Image`; None for one that is not stored, or is damaged."""
    try:
        record = store.read_record(layout, image_id)
        if record is None:
            return None
        with open(f"{layout.images}/{image_id}/manifest", "rb") as file:
            data = file.read(MOST)
        manifest = jsonio.loads(data, image_id, limit=MOST)
        kind = TYPES.get(record.transport.partition("-")[0], "APPC")
        labels = [{"Key": str(key), "value": str(text)} for key, text in record.labels]
        pairs = [
            {"Key": str(one["name"]), "value": str(one["value"])}
            for one in manifest.get("annotations") or ()
        ]
        out = {
            "base_format": {
                "type": f"IMAGE_TYPE_{kind}",
                "version": str(manifest.get("acVersion", "")),
            },
            "id": image_id,
            "name": record.name,
            "version": dict(record.labels).get("version", ""),
            "import_timestamp": int(seconds(record.imported) or 0),
            "size": record.size,
            "annotations": pairs,
            "labels": labels,
        }
    except (PodwrightError, OSError, KeyError, TypeError, AttributeError):
        return None
    return {**out, "manifest": data} if detail else out


def every(layout: Layout, *, detail: bool) -> list[dict[str, Any]]:
    """All images that can be read, by ID."""
    store.check(layout)
    found = (fields(layout, one, detail=detail) for one in store.image_ids(layout))
    return [one for one in found if one is not None]


def find(layout: Layout, text: str) -> Optional[dict[str, Any]]:
    """The image of an ID, or of the only ID that begins so."""
    store.check(layout)
    found = [one for one in store.image_ids(layout) if text and one.startswith(text)]
    return fields(layout, found[0], detail=True) if len(found) == 1 else None


def matches(image: dict[str, Any], filters: Iterable[Any]) -> bool:
    """Whether any filter holds; without one, every image does."""
    filters = list(filters)
    return not filters or any(_holds(image, one) for one in filters)


def _holds(image: dict[str, Any], one: Any) -> bool:
    name, when = image["name"], image["import_timestamp"]
    full = f"{name}:{image['version']}" if image["version"] else name
    return (
        (not one.ids or image["id"] in one.ids)
        and (not one.prefixes or name.startswith(tuple(one.prefixes)))
        and (not one.base_names or name.rpartition("/")[2] in one.base_names)
        and (not one.keywords or any(word in full for word in one.keywords))
        and (not one.full_names or name in one.full_names or full in one.full_names)
        and has_pairs(image["labels"], one.labels)
        and has_pairs(image["annotations"], one.annotations)
        and (not one.imported_after or when > one.imported_after)
        and (not one.imported_before or when < one.imported_before)
    )
