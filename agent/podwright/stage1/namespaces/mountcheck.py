# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be refused of a pod's volumes and mounts before anything is made for it."""

from __future__ import annotations

from podwright.stage1.contract import Launch
from podwright.stage1.namespaces.mountplan import binds_of, is_late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.pod import PodManifest
    from podwright.stage1.namespaces.mountplan import EmptyVolume


def check(manifest: PodManifest, stage1: str) -> None:
    """Raises LaunchError for a place where nothing can be mounted, and for a source that the start
    would not take: a link that does not count, a device that is none.
    """
    trees: dict[str, tuple[str, ...]] = {app.name: () for app in manifest.apps}
    launch = Launch("", "", "", -1, manifest, trees, stage1=stage1)
    volumes = {volume.name: volume for volume in manifest.volumes}
    empty: dict[str, EmptyVolume] = {}
    for app in manifest.apps:
        for bind in binds_of(launch, app, volumes, empty):
            if stage1 == "fly" and is_late(bind.where):
                from podwright.stage1.fly.plan import check_late

                check_late(app.name, bind)
            if bind.kind in ("host", "device"):
                from podwright.stage1.namespaces import sources

                sources.check(app.name, bind)
