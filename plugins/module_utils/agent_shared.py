# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the agent has below /usr/share, written by itself: manual pages and completions; and the name rkt."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Callable

from ansible_collections.podwright.fleet.plugins.module_utils.changes import (
    Change,
    InstallError,
    point,
    run,
)

PROGRAM = "/usr/bin/podwright"
SHARE = "/usr/share"
PAGES = f"{SHARE}/man/man1"
COMPLETIONS = (
    f"{SHARE}/bash-completion/completions/podwright",
    f"{SHARE}/zsh/vendor-completions/_podwright",
    f"{SHARE}/fish/vendor_completions.d/podwright.fish",
)
RKT_LINKS = (
    ("/usr/bin/rkt", "podwright"),
    (f"{SHARE}/bash-completion/completions/rkt", "podwright"),
    (f"{SHARE}/fish/vendor_completions.d/rkt.fish", "podwright.fish"),
)


def files(*, upgrade: bool) -> list[Change]:
    """What must change for these files to be those of the agent that is in use, or will be."""
    if upgrade:
        return [Change(SHARE, "", "manual pages and completions of this version", _write)]
    changes = []
    with tempfile.TemporaryDirectory(prefix="podwright-") as directory:
        run(PROGRAM, "help", f"--write={directory}")
        wanted = {f"{SHARE}/{name}": text for name, text in _read(directory).items()}
    for path, text in sorted(wanted.items()):
        if _text(path) != text:
            changes.append(Change(path, "other", "as of this version", _write))
    return changes + [_gone(path) for path in present() if path not in wanted]


def removed() -> list[Change]:
    """What must change for none of these files to be there."""
    return [_gone(path) for path in present()]


def present() -> list[str]:
    """The files that are there."""
    pages = [f"{PAGES}/podwright.1", *sorted(glob.glob(f"{PAGES}/podwright-*.1"))]
    return [path for path in (*pages, *COMPLETIONS) if os.path.lexists(path)]


def rkt_name(wanted: bool) -> list[Change]:
    """What must change for the agent to be called rkt, too, or not. Nobody else's rkt is touched."""
    changes = []
    for path, target in RKT_LINKS:
        ours = os.path.islink(path) and os.readlink(path) == target
        if wanted and not ours:
            if os.path.lexists(path):
                raise InstallError(
                    f"{path} is there and is not podwright's; remove rkt, and run this again"
                )
            changes.append(Change(path, "absent", f"link to {target}", _linker(path, target)))
        elif ours and not wanted:
            changes.append(_gone(path))
    return changes


def _linker(path: str, target: str) -> Callable[[], None]:
    def make() -> None:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        point(path, target)

    return make


def _gone(path: str) -> Change:
    def make() -> None:
        if os.path.lexists(path):
            os.unlink(path)

    return Change(path, "present", "absent", make)


def _write() -> None:
    """Have the agent write its files; pages of verbs that are gone go."""
    old = set(present())
    with tempfile.TemporaryDirectory(prefix="podwright-") as directory:
        run(PROGRAM, "help", f"--write={directory}")
        kept = {f"{SHARE}/{name}" for name in _read(directory)}
    run(PROGRAM, "help", f"--write={SHARE}")
    for path in old - kept:
        os.unlink(path)


def _read(directory: str) -> dict[str, str]:
    """The files below a directory, by their path in it."""
    found = {}
    for folder, _folders, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, directory)] = _text(path)
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""
