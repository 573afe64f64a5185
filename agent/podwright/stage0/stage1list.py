# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage1 images of the store: which flavours each serves, and which one pods get that name none."""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.model import stage1 as model
from podwright.model.podspec import PodSpec
from podwright.model.stage1 import IMAGE, MACHINES
from podwright.stage0 import imagereport, images, stage1image
from podwright.stage1.kvm import bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage


def every(layout: Layout, tell: Callable[[PodwrightError], None]) -> list[dict[str, Any]]:
    """All of them, by name, the oldest first. tell: of an image that cannot be read"""
    found = [
        one
        for one in images.list_images(layout, tell)
        if model.flavour_of(one.manifest.annotations)
    ]
    used = imagereport.users(layout)
    chosen = _chosen(layout) if found else {}
    shown = [_shown(one, used, chosen) for one in found]
    return sorted(shown, key=lambda one: (one["name"], one["import_time"]))


def _chosen(layout: Layout) -> dict[str, str]:
    """Flavour -> ID of the image of the store that its pods get when nothing is said."""
    out = {}
    for flavour in MACHINES:
        try:
            settled, fetches = stage1image.would_settle(
                layout, PodSpec(name="any", apps=(), stage1=flavour)
            )
        except PodwrightError:
            continue
        if not fetches and settled.stage1_image is not None and settled.stage1_image.settled:
            out[flavour] = settled.stage1_image.text
    return out


def _shown(image: StoredImage, used: Any, chosen: dict[str, str]) -> dict[str, Any]:
    said = dict(image.manifest.annotations)
    flavours = list(model.kinds(image.manifest.annotations)) or [IMAGE]
    full = imagereport.as_json(image, used)
    problems = [] if flavours == [IMAGE] else [stage1image.misfit(image, one) for one in flavours]
    return {
        **{
            key: full[key]
            for key in ("id", "name", "labels", "import_time", "size", "verdict", "used_by")
        },
        "flavours": flavours,
        "kernel": said.get(bundle.RELEASE, ""),
        "package": said.get(bundle.PACKAGE, ""),
        "python": said.get(bundle.PYTHON_VERSION, ""),
        "chosen_for": [one for one in flavours if chosen.get(one) == image.id],
        "problem": next((text for text in problems if text), ""),
    }
