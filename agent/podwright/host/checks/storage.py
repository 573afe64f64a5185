# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays and id-mapped mounts, really tried on the file system of the data directory."""

from __future__ import annotations

import os
import tempfile

from podwright.host.checks import spaces
from podwright.host.checks.value import LIMITED, MISSING, OK, Check, TrialError, attempt
from podwright.kernel import fs, mounts, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

COPIES = "pods get copies of their images until then"
FILE_SYSTEMS = "put the data directory on ext4, xfs or btrfs, with Linux 5.19 or newer"


def place_of(data: str) -> str:
    """The data directory, or the nearest directory above it that exists."""
    while not os.path.isdir(data):
        data = os.path.dirname(data)
    return data


def _tried(data: str, trial: Callable[[str], str]) -> str:
    """Run a trial in a fresh directory on the data directory's file system. Raises TrialError."""
    place = place_of(data)
    try:
        directory = tempfile.mkdtemp(prefix=".podwright-check-", dir=place)
    except OSError as err:
        raise TrialError(f"{place}: {err.strerror}") from None
    try:
        return attempt(lambda: trial(directory))
    finally:
        fs.remove_tree(directory)


def overlay(data: str) -> Check:
    """Whether images can be shared between pods by overlays."""
    try:
        _tried(data, lambda directory: _overlay(directory, -1))
    except TrialError as err:
        hint = f"put the data directory on a file system that can carry overlays: {COPIES}"
        return Check("overlay", MISSING, f"{place_of(data)}: {err}", hint)
    return Check("overlay", OK, f"works on {place_of(data)}")


def idmap(data: str) -> Check:
    """Whether files can be shown with the owners of a pod, also below an overlay."""
    name, place = "idmapped-mounts", place_of(data)
    try:
        _tried(data, _idmapped)
    except TrialError as err:
        return Check(name, MISSING, f"{place}: {err}", f"{FILE_SYSTEMS}: {COPIES}")
    try:
        _tried(data, _overlay_idmapped)
    except TrialError as err:
        return Check(name, LIMITED, f"{place}: not below an overlay: {err}", FILE_SYSTEMS)
    return Check(name, OK, f"works on {place}, also below an overlay")


def _idmapped(directory: str) -> str:
    users = spaces.holder()
    process.unshare(process.CLONE_NEWNS)
    mounts.make_private()
    mounts.idmap(mounts.clone(mounts.AT_FDCWD, directory), users)
    return ""


def _overlay_idmapped(directory: str) -> str:
    return _overlay(directory, spaces.holder())


def _overlay(directory: str, users: int) -> str:
    """An overlay over a directory, which `users` maps unless it is -1; a file is looked up in it."""
    process.unshare(process.CLONE_NEWNS)
    mounts.make_private()
    for name in ("lower", "upper", "work"):
        os.mkdir(f"{directory}/{name}")
    os.close(os.open(f"{directory}/lower/file", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC))
    paths = []
    for name in ("lower", "upper", "work"):
        if users < 0 or name != "lower":
            fd = os.open(f"{directory}/{name}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            fd = mounts.clone(mounts.AT_FDCWD, f"{directory}/{name}")
            mounts.idmap(fd, users)
        paths.append(f"/proc/self/fd/{fd}")
    options = (("upperdir", paths[1]), ("workdir", paths[2]))
    merged = mounts.overlay((paths[0],), options, directory)
    os.stat("file", dir_fd=merged)
    return ""
