# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that logs are written to, by descriptor: who writes may have lost the right to open them."""

from __future__ import annotations

import os

from podwright.kernel.step import step

_FLAGS = os.O_RDWR | os.O_CREAT
_PIECE = 1 << 20


def open_file(path: str, *, append: bool) -> int:
    """A regular file, made when missing; only root and its group may read it. Raises OSError."""
    from podwright.kernel import ownpath

    return ownpath.open_file(path, _FLAGS | (os.O_APPEND if append else 0), 0o640)


def put_aside(fd: int, place: int) -> None:
    """Make `place` what `fd` is, and `fd` empty. Raises OSError when there is no room for both."""
    step("truncate")
    os.ftruncate(place, 0)
    done, size = 0, os.fstat(fd).st_size
    os.lseek(place, 0, os.SEEK_SET)
    while done < size:
        done += os.sendfile(place, fd, done, min(_PIECE, size - done))
    step("truncate")
    os.ftruncate(fd, 0)


def empty(fd: int) -> None:
    """Forget what is in a file."""
    step("truncate")
    os.ftruncate(fd, 0)
