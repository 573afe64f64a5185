# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's half of an app's root that a machine gets: its volumes, and directories for the rest.

The guest mounts /dev, /proc and /sys itself (`guest.roots`). It finds volumes that belong into /dev
or /sys where they will be, in directories of the image's that it covers then; devices it makes.
"""

from __future__ import annotations

import os
import stat

from podwright.stage1.namespaces import views, volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.namespaces.mountplan import Bind
    from podwright.stage1.namespaces.plan import AppPlan
    from podwright.stage1.namespaces.sources import Pins
    from podwright.stage1.namespaces.users import Users

VIEWS = ("dev", "proc", "sys")


def bind(pod: int, root: int, app: AppPlan, pins: Optional[Pins], users: Optional[Users]) -> None:
    """Bind all volumes of an app but devices into its root. Raises LaunchError."""
    for name in VIEWS:
        os.close(views.mount_point(root, app.name, name))
    for volume in app.binds + app.late_binds:
        if not is_device(volume, pins):
            volumes.bind(pod, root, volume.where, volume, app.name, pins, users)


def is_device(volume: Bind, pins: Optional[Pins]) -> bool:
    """Whether a volume is a device of the host, by what its source was when it was pinned."""
    if volume.kind not in ("host", "device") or pins is None:
        return False
    mode = os.fstat(pins.source(volume)).st_mode
    return stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
