# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that belong below /usr/share: manual pages and completions, all from the option tables."""

from __future__ import annotations

import os

from podwright.cli import completion, manpage
from podwright.kernel import fs


def files() -> dict[str, str]:
    """Content by path below the share directory."""
    found = {f"man/man1/{name}.1": text for name, text in manpage.every().items()}
    for shell, path in completion.PATHS.items():
        found[path] = completion.SCRIPTS[shell]
    return found


def write(directory: str) -> list[str]:
    """Write them all below a directory; returns the paths of those that were not there like this."""
    changed = []
    for name, text in sorted(files().items()):
        path = os.path.join(directory, name)
        fs.ensure_dir(os.path.dirname(path), 0o755)
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    continue
        except FileNotFoundError:
            pass
        fs.write_atomic(path, text.encode(), 0o644)
        changed.append(path)
    return changed
