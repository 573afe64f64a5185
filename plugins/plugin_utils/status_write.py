# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A report goes to its file: the old one is there until the new one is complete."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

from ansible_collections.podwright.fleet.plugins.plugin_utils import status_page


class WriteError(Exception):
    """The report cannot be written: what, where, and what to do."""

    def __init__(self, message: str, path: str, hint: str) -> None:
        super().__init__(message)
        self.path, self.hint = path, hint


def check(path: str) -> str:
    """The file that a report is to be, absolute and without links on the way. Raises WriteError."""
    place = os.path.realpath(os.path.expanduser(path))
    directory = os.path.dirname(place)
    if not os.path.isdir(directory):
        raise WriteError(
            f"there is no directory {directory} on the controller",
            path, "make it, or give another name",
        )  # fmt: skip
    if os.path.exists(place) and not stat.S_ISREG(os.stat(place).st_mode):
        raise WriteError(f"{place} is there already and is no file", path, "give another name")
    installed = os.path.join(os.path.realpath(status_page.COLLECTION), "")
    if place.startswith(os.path.join(installed, "playbooks", "")):
        raise WriteError(
            f"{place} is in the installed collection, where an upgrade would remove it",
            path, "name a file elsewhere",
        )  # fmt: skip
    return place


def write(place: str, text: str) -> None:
    """Replace a file in one step, readable by all. Raises WriteError."""
    directory, name = os.path.split(place)
    draft = ""
    try:
        number, draft = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=directory)
        with open(number, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(number, 0o644)
            file.flush()
            os.fsync(number)
        os.replace(draft, place)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise WriteError(
            f"{place} cannot be written: {error.strerror}", place, "give another name"
        ) from None
