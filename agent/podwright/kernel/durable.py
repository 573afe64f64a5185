# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a whole file system durable, and swapping directories."""

from __future__ import annotations

import os

from podwright.kernel import calls

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def syncfs(path: str) -> None:
    """Write the whole file system that holds `path` to disk: cheaper than one fsync per file.

    Raises OSError when the kernel saw a write error since the path was opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        calls.libc("syncfs", fd)
    finally:
        os.close(fd)


def exchange(first: str, second: str) -> None:
    """Swap two paths in one step (renameat2(2))."""
    calls.libc(
        "renameat2", _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
