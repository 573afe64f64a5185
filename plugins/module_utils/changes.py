# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change that is known before it is made, and what making it needs."""

from __future__ import annotations

import os
import subprocess
from typing import Callable, NamedTuple


class InstallError(Exception):
    """What cannot be done, and why, in one sentence."""


class NeedsArchive(Exception):
    """The host has other files, and the archive with the right ones was not given."""


class Change(NamedTuple):
    """Something that differs: what it is, and how to make it right."""

    what: str
    before: str
    after: str
    make: Callable[[], None]


def point(link: str, target: str) -> None:
    """Make a link point to `target` in one step."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, link)


def run(*command: str) -> None:
    """Run a program of the host. Raises InstallError with what it said, in one line."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    if done.returncode != 0:
        said = " ".join(done.stdout.decode("utf-8", "replace").split())
        raise InstallError(f"{' '.join(command)} failed with status {done.returncode}: {said}")
