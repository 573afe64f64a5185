# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is stored of an image beside its trees is still what was stored (threats.md T41).

    cas/image/<id>/intact   digest and stat data of every file there: manifest, archive, signature

As with trees there is a cheap check, at every start, and a full one that reads everything. The
record and the note of the last use change, and check themselves. The manifest is small and read
at every start in any case: its content is compared each time, not its stat data, since its owner
and mode depend on who may list images (`sharing.py`).
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.stage0.treecheck import Difference
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

NAME = "intact"
MANIFEST = "manifest"
CHANGING = frozenset((NAME, "record.json", "used"))
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def mark(made: str, known: Optional[dict[str, str]] = None, *, durable: bool = True) -> None:
    """Write `intact` into the finished image directory `made`.

    known  hex SHA-256 of files that need not be read for it
    """
    from podwright.kernel import fs

    files = {}
    for name in _names(made):
        digest = (known or {}).get(name) or _digest(f"{made}/{name}")
        files[name] = {"sha256": digest, "stat": _stat(made, name)}
    note = jsonio.dumps({"format": 1, "files": files})
    fs.write_atomic(f"{made}/{NAME}", note.encode(), durable=durable)


def check(layout: Layout, image_id: str, shown: str) -> None:
    """Return when the files are as they were stored; raise VerifyError with the first difference."""
    base = f"{layout.images}/{image_id}"
    noted = _noted(base)
    if _is_untouched(base, noted):
        return
    found = differences(layout, image_id)
    if found:
        raise VerifyError(
            f"image {shown}: what is stored of it was changed: {found[0].path} {found[0].what}",
            f"see podwright image verify {image_id[:19]}; then remove and fetch it again",
            object=shown,
            reason="image-changed",
        )
    _renew(base, noted)


def differences(layout: Layout, image_id: str) -> list[Difference]:
    """What is not as it was stored, every byte being read."""
    base = f"{layout.images}/{image_id}"
    noted = _noted(base)
    if not noted:
        return [Difference(NAME, "the list of digests is missing or damaged")]
    out = []
    present = set(_names(base))
    for name, said in noted.items():
        if name not in present:
            out.append(Difference(safe(name), "removed"))
        elif _digest(f"{base}/{name}") != said["sha256"]:
            out.append(Difference(safe(name), "content changed"))
        elif _stat(base, name)[:3] != said["stat"][:3]:
            out.append(Difference(safe(name), "mode or owner changed"))
    return out + [Difference(safe(name), "added") for name in sorted(present - set(noted))]


def _noted(base: str) -> dict[str, Any]:
    """What was noted by file name; {} when the list is missing or damaged."""
    try:
        with open(f"{base}/{NAME}", "rb") as file:
            raw = jsonio.loads(file.read(65536), NAME)
        return {
            name: {"sha256": said["sha256"], "stat": said["stat"]}
            for name, said in raw["files"].items()
        }
    except (OSError, UsageError, KeyError, TypeError, AttributeError):
        return {}


def _is_untouched(base: str, noted: dict[str, Any]) -> bool:
    from podwright.stage0.trustring import sha256

    try:
        names = _names(base)
        if MANIFEST not in noted or names != sorted(noted):
            return False
        with open(f"{base}/{MANIFEST}", "rb") as file:
            if sha256(file.read()) != noted[MANIFEST]["sha256"]:
                return False
        return all(_stat(base, name) == noted[name]["stat"] for name in names)
    except OSError:
        return False


def _names(base: str) -> list[str]:
    found = (name for name in os.listdir(base) if not name.endswith(".new"))
    return sorted(name for name in found if name not in CHANGING)


def _stat(base: str, name: str) -> list[int]:
    """Mode, owner, group, size, modification and change time; nothing of the manifest."""
    if name == MANIFEST:
        return []
    info = os.lstat(f"{base}/{name}")
    return [
        info.st_mode, info.st_uid, info.st_gid, info.st_size, info.st_mtime_ns, info.st_ctime_ns,
    ]  # fmt: skip


def _digest(path: str) -> str:
    """Hex SHA-256 of a regular file; "" when it cannot be read."""
    from hashlib import sha256

    digest = sha256()
    try:
        fd = os.open(path, _FILE)
    except OSError:
        return ""
    try:
        while piece := os.read(fd, 1 << 20):
            digest.update(piece)
    except OSError:
        return ""
    finally:
        os.close(fd)
    return digest.hexdigest()


def _renew(base: str, noted: dict[str, Any]) -> None:
    """Note the stat data of now, after a full check: it was restored from a backup, say."""
    from podwright.kernel import fs

    for name, said in noted.items():
        said["stat"] = _stat(base, name)
    note = jsonio.dumps({"format": 1, "files": noted})
    fs.write_atomic(f"{base}/{NAME}", note.encode())
