# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look a path up in a stack of overlayfs lower directories as overlayfs would, following nothing."""

from __future__ import annotations

import os
import stat

from podwright.kernel import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Optional

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Lowers:
    """Trees below a layer: paths of their roots, top first, asked for when first needed."""

    def __init__(self, paths: Optional[Callable[[], Sequence[str]]]) -> None:
        self._ask = paths
        self._paths: Optional[Sequence[str]] = None

    def find(self, path: bytes) -> Optional[tuple[int, bytes, os.stat_result]]:
        """(open parent, name, stat) of what is visible at a path; the caller closes the parent.

        None when there is nothing. NotADirectoryError when the way leads through a link or file.
        """
        if self._paths is None:
            self._paths = self._ask() if self._ask is not None else ()
        *above, name = path.split(b"/")
        for root in self._paths:
            fd, ends = _walk(root, above)
            if fd is None:
                if ends:
                    return None
                continue
            try:
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                os.close(fd)
                if ends:
                    return None
                continue
            if is_whiteout(info):
                os.close(fd)
                return None
            return fd, name, info
        return None


def _walk(root: str, parts: list[bytes]) -> tuple[Optional[int], bool]:
    """(open directory or None, whether what is below this layer is hidden there)."""
    fd = os.open(root, _DIR)
    hidden = False
    for part in parts:
        try:
            info = os.stat(part, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            os.close(fd)
            return None, hidden
        if not stat.S_ISDIR(info.st_mode):
            os.close(fd)
            if is_whiteout(info):
                return None, True
            raise NotADirectoryError(part)
        below = os.open(part, _DIR, dir_fd=fd)
        os.close(fd)
        fd = below
        hidden = hidden or tree.OPAQUE in os.listxattr(fd)
    return fd, hidden


def is_whiteout(info: os.stat_result) -> bool:
    """Whether this is what overlayfs takes as "nothing here"."""
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0
