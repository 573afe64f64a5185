# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent's files as one value: pack them on the controller, compare and unpack them on a host.

Runs on both sides, so that both mean the same by "the same files". Files directly in `bin` are
programs; all others are data, whatever mode they have in a checkout or a built collection.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile

PARTS = ("bin", "podwright")
"""The directories that make up the agent; nothing else beside them is touched."""


class TreeError(ValueError):
    """An archive that is not what `pack` makes."""


def files(tree: str) -> list[str]:
    """Names of the agent's files below `tree`, sorted; without compiled bytecode."""
    found = []
    for part in PARTS:
        for folder, folders, names in os.walk(os.path.join(tree, part)):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [os.path.relpath(os.path.join(folder, name), tree) for name in names]
    return sorted(name for name in found if not name.endswith(".pyc"))


def mode(name: str) -> int:
    """The permissions of a file."""
    return 0o755 if os.path.dirname(name) == "bin" else 0o644


def digest(tree: str, *, installed: bool = False) -> str:
    """A hash of names and contents, or "" if there are no files.

    With `installed`, a link, another owner than root, or other permissions than those that
    `unpack` gives change it too.
    """
    total = hashlib.sha256()
    names = files(tree)
    for name in names:
        path = os.path.join(tree, name)
        content = b"" if os.path.islink(path) else _read(path)
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\0".encode())
        if installed and not _as_unpacked(os.lstat(path), mode(name)):
            total.update(b"not as unpacked")
    return total.hexdigest() if names else ""


def _as_unpacked(info: os.stat_result, wanted: int) -> bool:
    return (
        stat.S_ISREG(info.st_mode)
        and stat.S_IMODE(info.st_mode) == wanted
        and info.st_uid == os.geteuid()
    )


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def pack(tree: str) -> bytes:
    """The agent's files as a compressed archive; the same files give the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in files(tree):
            content = _read(os.path.join(tree, name))
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = mode(name)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def unpack(archive: str, target: str) -> None:
    """Write the files of an archive made by `pack` into the empty directory `target`.

    Raises TreeError for anything else in it, before writing it.
    """
    with tarfile.open(archive, "r:gz") as members:
        for member in members:
            parts = member.name.split("/")
            if not member.isreg() or parts[0] not in PARTS or ".." in parts or "" in parts:
                raise TreeError(f"{member.name!r} does not belong into the agent's archive")
            content = members.extractfile(member)
            if content is None:
                raise TreeError(f"{member.name!r} has no content")
            path = os.path.join(target, member.name)
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            with open(path, "xb") as stream:
                stream.write(content.read())
            os.chmod(path, mode(member.name))
