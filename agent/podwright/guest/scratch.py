# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of an app in which programs make sockets and pipes, where the pod's files come by 9p.

QEMU makes neither of them there, nor devices (its answer to CVE-2023-2861): bind(2) and mkfifo(2) fail
with ENXIO. So what is written in these directories is kept in the machine's memory, above what the image has
there, and ends with the machine.
"""

from __future__ import annotations

import errno
import os

from podwright.kernel import beneath, fs, mounts
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import AppPlan

PLACES = ("run", "tmp", "var/run", "var/tmp")
ABOVE = "/run/scratch"
"""Where the memory is mounted while roots are built."""
SECRETS = "run/secrets"
MOUNTS = "/proc/self/mountinfo"
NINEP = "9p"


def needed(share: str) -> bool:
    """Whether what is mounted at `share` comes by 9p."""
    with open(MOUNTS) as file:
        for line in file:
            fields = line.split()
            if fields[4] == share:
                return fields[fields.index("-") + 1] == NINEP
    return False


def give(root: int, app: AppPlan) -> None:
    """Do it in the root of an app, whose volumes and secrets are there; a volume's place stays as it is."""
    if app.read_only_root:
        return
    taken = [bind.where[1:] for bind in app.binds + app.late_binds]
    for place in PLACES:
        if not any(_touch(place, other) for other in taken):
            _over(root, place, f"{ABOVE}/{app.name}/{place.replace('/', '-')}")


def _touch(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _over(root: int, place: str, above: str) -> None:
    try:
        target = beneath.open_strict(root, place, beneath.DIRECTORY)
    except OSError:
        return  # a link, or nothing
    secrets = _mounted(root, SECRETS) if place == "run" else -1
    try:
        made = _overlay(target, above)
        mounts.attach(made, target)
        if secrets >= 0:
            under = beneath.open_strict(made, os.path.basename(SECRETS), beneath.DIRECTORY)
            mounts.attach(secrets, under)
            os.close(under)
        os.close(made)
    except OSError as err:
        if err.errno != errno.ENODEV:  # a kernel without overlays
            raise
    finally:
        for fd in (target, secrets):
            if fd >= 0:
                os.close(fd)


def _mounted(root: int, path: str) -> int:
    """A copy of what is mounted at a directory; -1 where there is none."""
    try:
        found = beneath.open_at(root, path, beneath.DIRECTORY, beneath.IN_ROOT)
    except OSError:
        return -1
    try:
        return mounts.clone(found, "")
    finally:
        os.close(found)


def _overlay(lower: int, above: str) -> int:
    """The directory `lower` is open on, with whatever is written to it in memory; like it to look at."""
    found = os.fstat(lower)
    _memory(above)
    for name in ("upper", "work"):
        fs.ensure_dir(f"{above}/{name}", 0o755)
    fs.chown(f"{above}/upper", found.st_uid, found.st_gid)
    step("chmod")
    os.chmod(f"{above}/upper", found.st_mode & 0o7777)
    options = (("upperdir", f"{above}/upper"), ("workdir", f"{above}/work"))
    return mounts.overlay((f"/proc/self/fd/{lower}",), options, above)


def _memory(above: str) -> None:
    """A file system of its own for each, so that one that is full leaves the others alone."""
    fs.ensure_dir(ABOVE, 0o700)
    fs.ensure_dir(os.path.dirname(above), 0o700)
    fs.ensure_dir(above, 0o700)
    place = os.open(above, beneath.DIRECTORY)
    made = mounts.filesystem("tmpfs", (("mode", "0700"),), mounts.NODEV)
    mounts.attach(made, place)
    os.close(made)
    os.close(place)
