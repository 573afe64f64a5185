# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to run an image whose rendered root is not what was rendered (threats.md T41)."""

from __future__ import annotations

from podwright.errors import VerifyError
from podwright.stage0 import imagecheck, treecheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.stage0.images import StoredImage

_seen: set[str] = set()
"""Images and layers that this process has looked at: `run` prepares and starts in one."""


def check(layout: Layout, image: StoredImage) -> None:
    """Return when every layer of the image is as it was rendered, and its files as they were stored.

    Stat data that differ while the content does not (a restored backup) are noted anew. Raises
    VerifyError with the first difference.
    """
    if image.id not in _seen:
        imagecheck.check(layout, image.id, image.name)
        _seen.add(image.id)
    for layer in image.layers:
        key = f"{layout.trees}/{layer.tree}"
        if key in _seen:
            continue
        if not treecheck.check_cheap(layout, layer):
            found = treecheck.verify_full(layout, layer)
            if found:
                more = f" and {len(found) - 1} more" if len(found) > 1 else ""
                raise VerifyError(
                    f"image {image.name}: its files in the store were changed:"
                    f" {found[0].path} {found[0].what}{more}",
                    f"see podwright image verify {image.name}; then remove and fetch it again",
                    object=image.name,
                    reason="tree-changed",
                )
            treecheck.renew_stat(layout, layer)
        _seen.add(key)
