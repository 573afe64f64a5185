# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of the host's whose content is believed: /run/podwright and those below it.

What lies in them says which address, level and range of users belongs to whom, what has been measured, which
kernel boots. They are made when they are first needed; one that is there already must be nobody else's.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import HostError
from podwright.kernel import fs
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.errors import PodwrightError


def ensure(path: str, mode: int = 0o700, error: type[PodwrightError] = HostError) -> None:
    """Make the directory, and its parent, 0755; what is there must be ours alone.

    Raises `error` for a link, for something of another user, or writable for others: what they
    write would be taken for ours.
    """
    for one, its_mode in ((os.path.dirname(path), 0o755), (path, mode)):
        ensure_one(one, its_mode, error)


def ensure_one(path: str, mode: int = 0o700, error: type[PodwrightError] = HostError) -> None:
    """The same of one directory, whose parent is known to be ours."""
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        fs.ensure_dir(path, mode)
        info = os.lstat(path)
    _refuse(path, info, error)


def check(path: str) -> bool:
    """Whether the directory is there. Raises HostError as `ensure` does; makes nothing."""
    for one in (os.path.dirname(path), path):
        try:
            info = os.lstat(one)
        except FileNotFoundError:
            return False
        _refuse(one, info, HostError)
    return True


def _refuse(path: str, info: os.stat_result, error: type[PodwrightError]) -> None:
    """Raise `error` for what is no directory of ours alone."""
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise error(
            f"{safe(path, 300)}: is not a directory that only its owner {os.geteuid()} can write to",
            "find out who made it, and remove it",
            object=path,
            reason="unsafe-directory",
        )
