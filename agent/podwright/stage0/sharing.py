# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What members of the group `podwright` get of root's store, where that group exists.

    data, cas     root:podwright 2750     they may go through
    cas/image     root:podwright 2750     they may list; names, verdicts and manifests, no archives
    cas/inbox     root:podwright 3770     they may leave downloads there (`inbox.py`)

Everything else, rendered trees above all, stays root's alone.
"""

from __future__ import annotations

import os

from podwright.host import groups
from podwright.kernel import fs
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout

THROUGH, INBOX = 0o2750, 0o3770
READABLE = ("manifest", "record.json", "used")


def prepare(layout: Layout) -> None:
    """Give the store's directories to the group; nothing happens where there is none, or no root."""
    group = groups.gid(groups.FETCHERS) if os.geteuid() == 0 else None
    if group is None:
        return
    if not os.stat(layout.data).st_mode & 0o001:  # else the administrator opened it wider
        _give(layout.data, group, THROUGH)
    _give(layout.cas, group, THROUGH)
    if _give(layout.images, group, THROUGH):
        for name in os.listdir(layout.images):  # stored before there was a group
            image(layout, f"{layout.images}/{name}")
    if not os.path.lexists(layout.inbox):
        fs.mkdir(layout.inbox)
    _give(layout.inbox, group, INBOX)


def image(layout: Layout, made: str) -> None:
    """Let the group read what `image list` shows of an image that is about to be published."""
    shared = os.stat(layout.images)
    if not shared.st_mode & 0o050:
        return
    for name in READABLE:
        _give(f"{made}/{name}", shared.st_gid, 0o640)
    _give(made, shared.st_gid, THROUGH)


def _give(path: str, group: int, mode: int) -> bool:
    """Set group and mode of what is root's; whether that changed anything."""
    found = os.stat(path, follow_symlinks=False)
    if found.st_gid == group and found.st_mode & 0o7777 == mode:
        return False
    step("chown")
    os.chown(path, -1, group, follow_symlinks=False)
    step("chmod")
    os.chmod(path, mode)
    return True
