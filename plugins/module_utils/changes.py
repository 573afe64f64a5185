# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change that is known before it is made, and what making it needs."""

from __future__ import annotations

import ctypes
import os
import subprocess
from typing import Callable, NamedTuple

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""Of programs of the host."""


class InstallError(Exception):
    """What cannot be done, and why, in one sentence: what happened; what to do.

    reason  one stable word
    about   the file or directory, or ""
    """

    def __init__(self, sentence: str, reason: str = "install-failed", about: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason
        self.about = about


class NeedsArchive(Exception):
    """The host has other files, and the archive with the right ones was not given."""


class Change(NamedTuple):
    """Something that differs: what it is, and how to make it right."""

    what: str
    before: str
    after: str
    make: Callable[[], None]


def unfinished(path: str) -> str:
    """What a file or link is called until it is complete; an interrupted run leaves it, the next one replaces it."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.podwright-new")


def point(link: str, target: str) -> None:
    """Make a link point to `target` in one step."""
    temporary = unfinished(link)
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, link)
    sync(os.path.dirname(link))


def sync(path: str) -> None:
    """Have a file, or the names in a directory, on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_all(path: str) -> None:
    """Have the whole file system of a path on the disk: cheaper than file by file. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(fd)


def run(*command: str) -> None:
    """Run a program of the host. Raises InstallError with what it said, in one line."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=ENVIRONMENT,
    )
    if done.returncode != 0:
        said = " ".join(done.stdout.decode("utf-8", "replace").split())
        raise InstallError(f"{' '.join(command)} failed with status {done.returncode}: {said}")
