# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files that only root may write: `<config>/<kind>.d/*.json` (behaviour.md A10)."""

from __future__ import annotations

import os
import stat

from podwright import jsonio
from podwright.errors import UsageError
from podwright.host import owned
from podwright.model.fields import Fields
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout


def documents(
    layout: Layout, subdirectory: str, kinds: tuple[str, ...], *, strict: bool = False
) -> list[list[Fields]]:
    """The files of each configuration directory, the last directory having the last word.

    kinds   what rktKind may be there
    strict  what would decide how pods are run is not passed over: a *.json that is no regular file is
            refused, and a directory in which others could put or exchange one
    Within a directory in lexical order; links and other names than *.json are passed over.
    """
    bases = layout.config_dirs()
    return [_directory(f"{base}/{subdirectory}", kinds, strict) for base in bases if base]


def merged(
    layout: Layout, subdirectory: str, kind: str, read_file: Callable[[Fields], dict[str, Any]]
) -> dict[str, Any]:
    """What the files together say that decide how pods are run, each of them as `read_file` has it.

    What a later directory says replaces what an earlier one says; said twice in one, it is an error.
    Raises UsageError naming the file and the field.
    """
    for base in filter(None, layout.config_dirs()):
        _refuse_silent(f"{base}/{subdirectory}")
    found: dict[str, Any] = {}
    for directory in documents(layout, subdirectory, (kind,), strict=True):
        own: dict[str, Any] = {}
        for fields in directory:
            told = read_file(fields)
            for name in sorted(set(told) & set(own)):
                raise UsageError(
                    f"{fields.at(name)}: is already set by another file of its directory",
                    "say it once",
                    object=fields.path,
                )
            own.update(told)
        found.update(own)
    return found


def _directory(directory: str, kinds: tuple[str, ...], strict: bool) -> list[Fields]:
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    if strict:
        _refuse_doubtful(directory, [name for name in names if name.endswith(".json")])
    out = []
    for name in names:
        path = f"{directory}/{name}"
        if not name.endswith(".json") or os.path.islink(path) or not os.path.isfile(path):
            continue
        fields = Fields(jsonio.loads(read_private(path) or b"", path), path)
        if fields.text("rktVersion", ...) != "v1":
            raise UsageError(f"{path}: rktVersion is not v1", object=path)
        fields.choice("rktKind", kinds, ...)
        out.append(fields)
    return out


def _refuse_doubtful(directory: str, names: list[str]) -> None:
    """Raise UsageError for what says something, but cannot be believed."""
    why = (owned.directory_problem(directory) or owned.way_problem(directory)) if names else ""
    if why:
        raise UsageError(
            f"{safe(directory, 300)} {why}; what it says cannot be believed",
            "correct it as root: only root may write there",
            object=directory,
        )
    for name in names:
        path = f"{directory}/{name}"
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise UsageError(
                f"{safe(path, 300)} is not a regular file, so what it says does not hold",
                "put the file itself there, not a link to it; or remove it",
                object=path,
            )


def _refuse_silent(directory: str) -> None:
    """Raise UsageError where somebody has said something, and it is not where it would be read."""
    if not os.path.lexists(directory):
        return
    if not os.path.isdir(directory):
        raise UsageError(
            f"{safe(directory, 300)} is no directory, so what it says does not hold",
            "make it a directory with files named *.json in it, or remove it",
            object=directory,
        )
    names = [name for name in sorted(os.listdir(directory)) if not name.startswith(".")]
    unread = [name for name in names if not name.endswith(".json") and name != "README"]
    read = any(name.endswith(".json") for name in names)
    doubtful = [name for name in unread if not read or name.lower().endswith(".json")]
    if doubtful:
        raise UsageError(
            f"{safe(f'{directory}/{doubtful[0]}', 300)} is not read, since its name does not end in .json",
            "rename it, or remove it",
            object=directory,
        )


def read_private(path: str) -> Optional[bytes]:
    """A regular file that only its owner, root or we, can write; None when there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise UsageError(f"{safe(path, 300)} cannot be read: {err.strerror}", object=path) from None
    with open(fd, "rb") as file:
        if not only_ours(os.fstat(fd)):
            raise UsageError(
                f"{safe(path, 300)} may be written by others",
                "it must be a regular file of root's that only root can write",
                object=path,
            )
        return file.read(jsonio.MAX_BYTES + 1)


def only_ours(info: os.stat_result) -> bool:
    """Whether it is a regular file of root's, or ours, that nobody else can write."""
    owned = info.st_uid in (0, os.geteuid()) and not info.st_mode & 0o022
    return stat.S_ISREG(info.st_mode) and owned
