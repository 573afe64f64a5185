# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that only root can have written: configuration that decides what may happen on the host."""

from __future__ import annotations

import os
import stat

from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotOwned(Exception):
    """A file that cannot be believed; the text says why, after the file's name."""


def read(path: str, limit: int) -> Optional[bytes]:
    """The content of a file that only root (or the user who runs this) can change; None without it.

    Raises NotOwned for a link, a special file, one that is larger than `limit`, that others may
    write or nobody may read, and for a directory on the way to it in which others could exchange
    it.
    """
    try:
        fd = os.open(path, _FILE)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise NotOwned(f"cannot be read: {err.strerror}") from None
    try:
        info = os.fstat(fd)
        why = problem(info, stat.S_ISREG, "is not a regular file") or way_problem(path)
        if why:
            raise NotOwned(why)
        return _content(fd, limit)
    except OSError as err:
        raise NotOwned(f"cannot be read: {err.strerror}") from None
    finally:
        os.close(fd)


def _content(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) <= limit:
        chunk = os.read(fd, limit + 1 - len(data))
        if not chunk:
            return data
        data += chunk
    raise NotOwned(f"is larger than {limit} bytes")


def problem(info: os.stat_result, kind: Any, otherwise: str) -> str:
    """What is wrong with the owner and mode of a file; `otherwise` when it is not of this kind."""
    if not kind(info.st_mode):
        return otherwise
    if info.st_uid not in (0, os.geteuid()):
        return f"belongs to user {info.st_uid}"
    if info.st_mode & 0o022:
        return f"may be written by others (mode {info.st_mode & 0o7777:04o})"
    return "" if info.st_mode & 0o444 else "may be read by nobody (mode 0000)"


def directory_problem(directory: str) -> str:
    """What is wrong with a directory whose every file counts: nobody else may put one there.

    Raises OSError.
    """
    return problem(os.stat(directory), stat.S_ISDIR, "is not a directory")


def way_problem(path: str) -> str:
    """What is wrong with the directories above; sticky ones are fine, as files stay their owners'."""
    directory = os.path.dirname(path)
    while directory not in ("", "/"):
        info = os.stat(directory)
        if not info.st_mode & stat.S_ISVTX:
            why = problem(info, stat.S_ISDIR, "is not a directory")
            if why:
                return f"lies in {safe(directory, 300)}, which {why}"
        directory = os.path.dirname(directory)
    return ""
