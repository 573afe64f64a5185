# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stage1 image is built, and what is left there by builds that were killed."""

from __future__ import annotations

import os
import time

from podwright.host.lock import try_lock
from podwright.kernel import fs

PLACE, PREFIX = "/var/tmp", "podwright-stage1-"
YOUNG = 60.0
"""Seconds that a directory may be without its builder's lock."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Scratch:
    """A directory of our own, locked as long as we live and removed at the end; `path` in a `with` block."""

    def __init__(self, place: str = PLACE) -> None:
        self.path = f"{place}/{PREFIX}{os.urandom(8).hex()}"
        self._fd = -1

    def __enter__(self) -> str:
        fs.mkdir(self.path)
        self._fd = os.open(self.path, _DIRECTORY)
        try_lock(self._fd)
        return self.path

    def __exit__(self, *_: object) -> None:
        fs.remove_tree(self.path)
        os.close(self._fd)


def sweep(output: str, place: str = PLACE) -> None:
    """Remove directories of builds that were killed, and their halves of `output`."""
    for name in os.listdir(place):
        if name.startswith(PREFIX):
            _reclaim(f"{place}/{name}")
    directory, name = os.path.split(output)
    for half in os.listdir(directory) if os.path.isdir(directory) else ():
        if fs.unfinished(half) != name or os.path.exists(f"/proc/{half.split('.')[-2]}"):
            continue
        fs.unlink(f"{directory}/{half}")


def _reclaim(path: str) -> None:
    """Remove a directory of ours whose builder is gone; anybody can make others in this place."""
    try:
        fd = os.open(path, _DIRECTORY)
    except OSError:
        return
    try:
        info = os.fstat(fd)
        ours = info.st_uid == os.geteuid() and not info.st_mode & 0o077
        if ours and info.st_mtime < time.time() - YOUNG and try_lock(fd):
            fs.remove_tree(path)
    except OSError:
        return  # it does not stand in the way of this build
    finally:
        os.close(fd)
