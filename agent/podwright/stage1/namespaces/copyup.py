# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty volume begins with what a container image has at its mount point (B2): content, owner, mode.

Read from the image's own layers, so that nothing that the pod maps or changes is in it.
"""

from __future__ import annotations

import errno
import os

from podwright.errors import LaunchError
from podwright.kernel import beneath, copytree, mounts
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.mountplan import EmptyVolume


def fill(volume: EmptyVolume, place: str, shift: int = 0) -> None:
    """Fill a volume that was just made; an image without such a directory leaves it as it is.

    place  a directory to mount on for a moment, on kernels that need one
    shift  added to owners on disk
    """
    root = _image(volume.trees, place)
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY
        source = beneath.open_in_root(root, volume.image_path, flags)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return
        raise
    finally:
        os.close(root)
    target = os.open(volume.path, copytree.DIRECTORY)
    try:
        copytree.copy_open(source, target, shift)
    except OSError as err:
        raise LaunchError(
            f"volume at {safe(volume.image_path, 120)}: what the image has there cannot be copied:"
            f" {err.strerror}",
            "give the mount point a volume of another kind, or one without copyUp"
            if err.errno == errno.ENAMETOOLONG
            else "see how much room the pods' file system has",
        ) from err
    finally:
        os.close(source)
        os.close(target)


def _image(trees: tuple[str, ...], place: str) -> int:
    """The image's root as its layers show it, for reading."""
    if len(trees) == 1:
        return os.open(trees[0], beneath.DIRECTORY)
    fds = [os.open(path, beneath.DIRECTORY) for path in trees]
    try:
        return mounts.overlay(tuple(f"/proc/self/fd/{fd}" for fd in fds), (), place)
    finally:
        for fd in fds:
            os.close(fd)
