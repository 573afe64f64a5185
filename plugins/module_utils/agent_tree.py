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
from collections.abc import Collection, Mapping

PARTS = ("bin", "podwright")
"""The directories that make up the agent where it comes from; nothing beside them is taken."""

WHEELS = "wheels"
"""On a host, the directory beside them with the unpacked wheels, if there are any."""


class TreeError(ValueError):
    """An archive that is not what `pack` makes."""


def files(tree: str, parts: Collection[str] = PARTS) -> list[str]:
    """Names of the files in `parts` of `tree`, sorted; without compiled bytecode."""
    found = []
    for part in parts:
        for folder, folders, names in os.walk(os.path.join(tree, part)):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [os.path.relpath(os.path.join(folder, name), tree) for name in names]
    return sorted(name for name in found if not name.endswith(".pyc"))


def read(tree: str) -> dict[str, bytes]:
    """The agent's files below `tree`, by name."""
    return {name: _content(os.path.join(tree, name)) for name in files(tree)}


def mode(name: str) -> int:
    """The permissions of a file."""
    return 0o755 if os.path.dirname(name) == "bin" else 0o644


def digest(content: Mapping[str, bytes], wrong: Collection[str] = ()) -> str:
    """A hash of names and contents, or "" if there are no files; names in `wrong` change it."""
    total = hashlib.sha256()
    for name in sorted(content):
        total.update(f"{name}\0{hashlib.sha256(content[name]).hexdigest()}\0".encode())
        if name in wrong:
            total.update(b"not as unpacked")
    return total.hexdigest() if content else ""


def installed(tree: str) -> str:
    """The digest of what `unpack` wrote into `tree`, or "" if there are no files.

    A link, another owner than root, or other permissions than those that `unpack` gives change
    it too.
    """
    content, wrong = {}, set()
    for name in files(tree, (*PARTS, WHEELS)):
        path = os.path.join(tree, name)
        content[name] = b"" if os.path.islink(path) else _content(path)
        if not _as_unpacked(os.lstat(path), mode(name)):
            wrong.add(name)
    return digest(content, wrong)


def _as_unpacked(info: os.stat_result, wanted: int) -> bool:
    return (
        stat.S_ISREG(info.st_mode)
        and stat.S_IMODE(info.st_mode) == wanted
        and info.st_uid == os.geteuid()
    )


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def pack(content: Mapping[str, bytes]) -> bytes:
    """Files as a compressed archive; the same files give the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(content):
            member = tarfile.TarInfo(name)
            member.size = len(content[name])
            member.mode = mode(name)
            archive.addfile(member, io.BytesIO(content[name]))
    return gzip.compress(out.getvalue(), mtime=0)


def unpack(archive: str, target: str) -> None:
    """Write the files of an archive made by `pack` into the empty directory `target`.

    Raises TreeError for anything else in it, before writing it.
    """
    with tarfile.open(archive, "r:gz") as members:
        for member in members:
            parts = member.name.split("/")
            known = parts[0] in (*PARTS, WHEELS)
            if not member.isreg() or not known or ".." in parts or "" in parts:
                raise TreeError(f"{member.name!r} does not belong into the agent's archive")
            content = members.extractfile(member)
            if content is None:
                raise TreeError(f"{member.name!r} has no content")
            path = os.path.join(target, member.name)
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            with open(path, "xb") as stream:
                stream.write(content.read())
            os.chmod(path, mode(member.name))
