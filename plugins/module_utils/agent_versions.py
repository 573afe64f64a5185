# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Versions of the agent on this host, side by side; a link says which one is in use.

    /usr/bin/podwright -> ../lib/podwright/bin/podwright
    /usr/lib/podwright/bin -> agent-0123456789ab/bin
    /usr/lib/podwright/agent-0123456789ab/{bin,podwright,wheels}

Everything else in /usr/lib/podwright is not ours: packages may ship keys and settings there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable

from ansible_collections.podwright.fleet.plugins.module_utils import agent_state, agent_tree
from ansible_collections.podwright.fleet.plugins.module_utils.changes import (
    Change,
    InstallError,
    NeedsArchive,
    point,
    run,
    sync,
    sync_all,
    unfinished,
)

TREE = "/usr/lib/podwright"
PYTHON = "/usr/bin/python3"
VERSION = "agent-"
STAGING = ".new-"


def in_use(content_hash: str, archive: str | None) -> list[Change]:
    """What must change for the version with this hash to be the one in use.

    Raises NeedsArchive, and InstallError for a version that is too old for what is on the host.
    """
    current = _current()
    present = agent_tree.installed(os.path.join(TREE, current)) if current else ""
    if present == content_hash:
        return []
    kept = _kept(content_hash, current)
    if kept:
        agent_state.check_tree(os.path.join(TREE, kept))
        return [_switch(present, content_hash, lambda: _use(kept, current))]
    if archive is None:
        raise NeedsArchive
    source = archive
    agent_state.check_archive(source)
    return [_switch(present, content_hash, lambda: _new_version(source, content_hash, current))]


def _switch(present: str, content_hash: str, make: Callable[[], None]) -> Change:
    return Change(f"{TREE}/bin", present or "absent", content_hash, make)


def _kept(content_hash: str, current: str) -> str:
    """Name of a complete version with this hash that is not in use, or "".

    One that was in use before, or that an interrupted run has brought here.
    """
    wanted = VERSION + content_hash[:12]
    names = os.listdir(TREE) if os.path.isdir(TREE) else []
    alike = (name for name in sorted(names) if name.startswith(wanted) and name != current)
    found = (
        name for name in alike if agent_tree.installed(os.path.join(TREE, name)) == content_hash
    )
    return next(found, "")


def _current() -> str:
    """Name of the version that is in use, or ""."""
    try:
        return os.path.dirname(os.readlink(f"{TREE}/bin"))
    except FileNotFoundError:
        return ""
    except OSError:
        raise InstallError(
            f"{TREE}/bin is there and not a link; move it away and run this again"
        ) from None


def _new_version(archive: str, content_hash: str, old: str) -> None:
    """Unpack and compile beside the version in use, then switch the link to it.

    An interrupted run leaves the old version in use. The old one stays: supervisors of running
    pods have loaded only a part of it. It goes with the first upgrade after the next boot.
    """
    for name in os.listdir(TREE):
        if name.startswith(STAGING) or (name.startswith(VERSION) and unused(name, old)):
            shutil.rmtree(os.path.join(TREE, name))
    name = _free_name(VERSION + content_hash[:12])
    staging = tempfile.mkdtemp(prefix=STAGING, dir=TREE)
    try:
        agent_tree.unpack(archive, staging)
    except agent_tree.TreeError as error:
        raise InstallError(str(error)) from None
    if agent_tree.installed(staging) != content_hash:
        raise InstallError("the agent's files did not arrive intact; run this again")
    run(PYTHON, "-IS", "-m", "compileall", "-q", "-s", staging, "-p", f"{TREE}/{name}", staging)
    os.chmod(staging, 0o755)
    sync_all(staging)  # or after a loss of power, the link below could lead to empty files
    os.rename(staging, f"{TREE}/{name}")
    sync(TREE)
    _use(name, old)


def _use(name: str, old: str) -> None:
    """Have this version be the one in use; the other one is as old as this moment (see `unused`)."""
    point(f"{TREE}/bin", f"{name}/bin")
    if old:
        os.utime(f"{TREE}/{old}")


def _free_name(wanted: str) -> str:
    """`wanted`, or with a number behind it if a version of that name is there already."""
    taken = os.listdir(TREE)
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def unused(name: str, current: str) -> bool:
    """Whether a version was replaced before the host booted, so that no process has it loaded."""
    with open("/proc/stat", encoding="ascii") as stream:
        booted = next(int(line.split()[1]) for line in stream if line.startswith("btime "))
    return name != current and os.lstat(os.path.join(TREE, name)).st_mtime < booted


def removed() -> list[Change]:
    """Our part of the directory, and the directory if nothing else is in it."""
    if not os.path.lexists(TREE):
        return []
    links = ("bin", os.path.basename(unfinished("bin")))

    def make() -> None:
        for name in os.listdir(TREE):
            if name in links:
                os.unlink(f"{TREE}/{name}")
            elif name.startswith((VERSION, STAGING)):
                shutil.rmtree(os.path.join(TREE, name))
        if not os.listdir(TREE):
            os.rmdir(TREE)

    ours = [
        name for name in os.listdir(TREE) if name in links or name.startswith((VERSION, STAGING))
    ]
    if not ours and os.listdir(TREE):
        return []
    return [Change(TREE, "present", "absent", make)]
