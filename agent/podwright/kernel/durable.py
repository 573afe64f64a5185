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
    file_system = FileSystem(path)
    try:
        file_system.sync()
    finally:
        file_system.close()


class FileSystem:
    """The file system that holds `path`, to be made durable several times.

    Open it before anything is written: then `sync` reports every write that failed since, also
    those that the kernel began by itself.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def sync(self) -> None:
        """Write it to disk. Raises OSError when the kernel saw a write error, for each one once."""
        calls.libc("syncfs", self._fd)

    def close(self) -> None:
        """No more is to be written."""
        os.close(self._fd)


def exchange(first: str, second: str) -> None:
    """Swap two paths in one step (renameat2(2))."""
    calls.libc(
        "renameat2", _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
