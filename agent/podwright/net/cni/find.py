# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the executable of a plugin is: in directories that nobody but root can write to.

A plugin runs as root with all rights. So its file, its directory and every directory above must
belong to root; what others can write to is refused with the reason, and never passed over for
a file in a later directory.
"""

from __future__ import annotations

import os
import stat

from podwright.errors import NetworkError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.net import ipam, kinds, meta
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podwright.net.values import NetConf

MOST_LINKS = 40
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def find(kind: str, directories: Sequence[str], net: str) -> str:
    """The path of the executable of type `kind`, for the network `net`.

    Raises NetworkError when there is none, or the first one is not safe to run.
    """
    if not made_of(kind, LETTERS + DIGITS + "_.-") or kind.startswith("."):
        raise NetworkError(
            f"network {net}: {safe(kind, 80)!r} is not the name of a plugin",
            "write the name of an executable, without its directory",
            object=net,
        )
    for directory in directories:
        path = f"{directory}/{kind}"
        if os.path.lexists(path):
            why = fault(path)
            if why:
                raise NetworkError(
                    f"network {net}: plugin {path} is not run: {why}",
                    "make it root's own, writable by nobody else",
                    object=net,
                    reason="unsafe-plugin",
                )
            return path
    raise NetworkError(
        f"network {net}: there is no plugin {kind}",
        f"{_meant(kind)}install it into one of {', '.join(directories) or 'no directory'}",
        object=net,
        reason="no-plugin",
    )


def _meant(kind: str) -> str:
    """Which built-in type it may be a slip for; looked for only when it is not there."""
    import difflib

    known = [*kinds.BUILTIN, *meta.BUILTIN, *ipam.BUILTIN]
    close = difflib.get_close_matches(kind, known, 1, 0.75)
    return f"did you mean {close[0]}, which is built in? Else " if close else ""


def executables(conf: NetConf) -> tuple[str, ...]:
    """The types of all executables that a network names, of address management, too."""
    found: list[str] = []
    for plugin in conf.plugins:
        inner = plugin.get("ipam")
        managed = inner.get("type") if isinstance(inner, dict) else None
        ours = plugin["type"] in kinds.BUILTIN or plugin["type"] in meta.BUILTIN
        found += [] if ours else [plugin["type"]]
        if managed and not (ours and managed in ipam.BUILTIN):
            found.append(str(managed))
    return tuple(dict.fromkeys(found))


def check(conf: NetConf, directories: Sequence[str]) -> None:
    """Raise NetworkError unless all executables of a network are there and safe to run."""
    for kind in executables(conf):
        find(kind, directories, conf.name)


def search_path(directories: Sequence[str]) -> str:
    """CNI_PATH: where a plugin looks for those that it calls itself; only what is safe."""
    return ":".join(one for one in directories if not fault(one, directory=True))


def fault(path: str, *, directory: bool = False) -> str:
    """Why `path` must not be run (`directory`: searched), or "". Follows links as the kernel does."""
    if not path.startswith("/"):
        return f"{path} is not an absolute path"
    here, parts, links = "/", _parts(path), 0
    while True:
        why = _directory_fault(here, last=len(parts) == (0 if directory else 1))
        if why or not parts:
            return why or ("" if directory else f"{here} is a directory")
        name = parts.pop(0)
        there = os.path.dirname(here) if name == ".." else f"{here.rstrip('/')}/{name}"
        try:
            found = os.lstat(there)
        except OSError as err:
            return f"{there}: {err.strerror}"
        if found.st_uid != 0:
            return f"{there} belongs to user {found.st_uid}"
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > MOST_LINKS:
                return f"{there}: too many symbolic links"
            target = os.readlink(there)
            here = "/" if target.startswith("/") else here
            parts = [*_parts(target), *parts]
        elif stat.S_ISDIR(found.st_mode):
            here = there
        elif parts or directory:
            return f"{there} is not a directory"
        else:
            return _file_fault(there, found)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _directory_fault(path: str, *, last: bool) -> str:
    """A sticky directory of root is fine on the way: what is root's in it stays root's."""
    info = os.stat(path)
    if info.st_uid != 0:
        return f"{path} belongs to user {info.st_uid}"
    if info.st_mode & _OTHERS and (last or not info.st_mode & stat.S_ISVTX):
        return f"others can write to {path}"
    return ""


def _file_fault(path: str, info: os.stat_result) -> str:
    if not stat.S_ISREG(info.st_mode):
        return f"{path} is not a file"
    if info.st_mode & _OTHERS:
        return f"others can write to {path}"
    return "" if info.st_mode & 0o111 else f"{path} is not executable"
