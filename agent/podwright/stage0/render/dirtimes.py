# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes and times of directories, kept in a file until everything is in them."""

from __future__ import annotations

import os
import struct

from podwright.kernel import fs
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = struct.Struct("=HHQ")
_FLUSH = 64 * 1024


class DirTimes:
    """An unnamed file below `directory` that is written once and then read once."""

    def __init__(self, directory: str) -> None:
        path = f"{directory}/directories"
        step("open")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        fs.unlink(path)
        self._waiting = bytearray()

    def add(self, path: bytes, mode: int, mtime: int) -> None:
        """Remember a directory; of one that is added again the last counts."""
        self._waiting += _HEAD.pack(len(path), mode, mtime) + path
        if len(self._waiting) > _FLUSH:
            fs.write_all(self._fd, bytes(self._waiting))
            self._waiting.clear()

    def read(self) -> Iterator[tuple[bytes, int, int]]:
        """(path, mode, time) in the order in which they were added."""
        fs.write_all(self._fd, bytes(self._waiting))
        with open(os.dup(self._fd), "rb") as file:
            file.seek(0)
            while head := file.read(_HEAD.size):
                length, mode, mtime = _HEAD.unpack(head)
                yield file.read(length), mode, mtime

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
