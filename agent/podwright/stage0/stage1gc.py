# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage1 image of an ended pod has made is taken back by the image itself, verified as when it ran."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import LaunchError, PodwrightError, StoreError, UsageError
from podwright.kernel import beneath, fs
from podwright.stage0 import stage1image
from podwright.stage1.external import points
from podwright.stage1.external.program import MANIFEST, PROGRAMS
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage


def collect(layout: Layout, path: str) -> tuple[str, ...]:
    """Run its entry point `gc`, once; a sentence where it cannot be run any more, whatever comes.

    Raises HostError when it fails: then it is tried again by the next gc.
    """
    try:
        image = _admitted(layout, path)
        points.collect(path, image.trees, layout.local_config)
    except (LaunchError, StoreError) as err:
        return (_nothing(path, err),)
    fs.unlink(f"{path}/{MANIFEST}")
    fs.unlink(f"{path}/{PROGRAMS}")
    return ()


def _admitted(layout: Layout, path: str) -> StoredImage:
    """The image that the pod ran with. Raises StoreError where it may not run, or is not known."""
    try:
        data = beneath.read_regular(path, "runtime-config", jsonio.MAX_BYTES)
        config = jsonio.loads(data, "its content")
        image, stage1, insecure = (config[key] for key in ("stage1Image", "stage1", "insecure"))
        if not isinstance(image, str) or not isinstance(stage1, str):
            raise ValueError("it names no stage1 image")
        given = frozenset(map(str, insecure))
    except (OSError, KeyError, TypeError, ValueError, UsageError) as err:
        raise StoreError(f"runtime-config cannot be used: {safe(err, 200)}") from None
    try:
        return stage1image.admit(layout, image, stage1, given, whole=True)
    except PodwrightError as err:
        raise StoreError(err.message, err.hint, object=err.object) from None


def _nothing(path: str, err: PodwrightError) -> str:
    uuid = os.path.basename(path)
    return f"pod {uuid}: its stage1 takes nothing back: {err.sentence()}"
