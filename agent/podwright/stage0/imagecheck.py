# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is stored of an image beside its trees is still what was stored (threats.md T41).

    cas/image/<id>/intact   digest and stat data of every file there: manifest, archive, signature

As with trees there is a cheap check, at every start, and a full one that reads everything. The
record and the note of the last use change, and check themselves.
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
CHANGING = frozenset((NAME, "record.json", "used"))
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def mark(made: str, known: Optional[dict[str, str]] = None) -> None:
    """Write `intact` into the finished image directory `made`.

    known  hex SHA-256 of files that need not be read for it
    """
    from podwright.kernel import fs

    files = {}
    for name in _names(made):
        digest = (known or {}).get(name) or _digest(f"{made}/{name}")
        files[name] = {"sha256": digest, "stat": _stat(f"{made}/{name}")}
    note = jsonio.dumps({"format": 1, "files": files})
    fs.write_new(f"{made}/{NAME}", note.encode(), durable=False)


def check(layout: Layout, image_id: str, shown: str) -> None:
    """Return when the files are as they were stored; raise VerifyError with the first difference."""
    base = f"{layout.images}/{image_id}"
    noted = _noted(base)
    if noted is None or _is_untouched(base, noted):
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
    if noted is None:
        return []
    if not noted:
        return [Difference(NAME, "the list of digests cannot be read")]
    out = []
    present = set(_names(base))
    for name, said in noted.items():
        if name not in present:
            out.append(Difference(safe(name), "removed"))
        elif _digest(f"{base}/{name}") != said["sha256"]:
            out.append(Difference(safe(name), "content changed"))
        elif _stat(f"{base}/{name}")[:3] != said["stat"][:3]:
            out.append(Difference(safe(name), "mode or owner changed"))
    return out + [Difference(safe(name), "added") for name in sorted(present - set(noted))]


def _noted(base: str) -> Optional[dict[str, Any]]:
    """What was noted by file name; None when nothing was (an earlier agent), {} when damaged."""
    try:
        with open(f"{base}/{NAME}", "rb") as file:
            raw = jsonio.loads(file.read(65536), NAME)
        return {
            name: {"sha256": said["sha256"], "stat": said["stat"]}
            for name, said in raw["files"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, UsageError, KeyError, TypeError, AttributeError):
        return {}


def _is_untouched(base: str, noted: dict[str, Any]) -> bool:
    try:
        return bool(noted) and {name: _stat(f"{base}/{name}") for name in _names(base)} == {
            name: said["stat"] for name, said in noted.items()
        }
    except OSError:
        return False


def _names(base: str) -> list[str]:
    found = (name for name in os.listdir(base) if not name.endswith(".new"))
    return sorted(name for name in found if name not in CHANGING)


def _stat(path: str) -> list[int]:
    info = os.lstat(path)
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
        said["stat"] = _stat(f"{base}/{name}")
    note = jsonio.dumps({"format": 1, "files": noted})
    fs.write_atomic(f"{base}/{NAME}", note.encode())
