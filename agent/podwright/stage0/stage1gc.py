# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage1 image of an ended pod has made is taken back by the image itself, verified as when it ran."""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.kernel import fs
from podwright.stage0 import stage1image
from podwright.stage1.external import points
from podwright.stage1.external.program import PROGRAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout


def collect(layout: Layout, path: str) -> tuple[str, ...]:
    """Run its entry point `gc`, once; a sentence where the image may not be run any more.

    Raises LaunchError or HostError when it fails: then it is tried again by the next gc.
    """
    runtime = f"{path}/runtime-config"
    with open(runtime, "rb") as file:
        config = jsonio.loads(file.read(), runtime)
    try:
        insecure = frozenset(config["insecure"])
        image = stage1image.admit(
            layout, config["stage1Image"], config["stage1"], insecure, whole=True
        )
    except PodwrightError as err:
        uuid = os.path.basename(path)
        return (f"pod {uuid}: its stage1 takes nothing back: {err.sentence()}",)
    points.collect(path, image.trees, layout.local_config)
    fs.unlink(f"{path}/{PROGRAMS}")
    return ()
