# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rendered tree is still what was rendered.

Two checks. The cheap one is made at every start of a pod: names, modes, owners, sizes and times
of every entry, as one digest, compared with the one noted in `rendered`. Whatever is done to a
file through the kernel moves its change time, which nothing but setting the clock can put back.
The full one (`treediff.py`) reads every file and compares with the tree's `mtree`.

This file is on the road of every start: it costs one stat and less than a microsecond besides
per entry, and imports nothing that is not part of the interpreter.
"""

from __future__ import annotations

import os

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.store import Layer

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FORMAT, _IS_DIR = 0o170000, 0o040000
_BATCH = 4096
"""Entries of a directory that are in memory at a time, besides their names."""


@value
class Difference:
    """One thing that is not as it was rendered: a path below the tree, escaped, and what."""

    path: str
    what: str


def stat_digest(rootfs: str) -> str:
    """64 hex digits that stand for the names and stat data of everything in a directory.

    Mode, owner, size, modification and change time of every entry and of the directory itself;
    no content, no inode numbers, no link counts, no access times. Raises OSError.
    """
    from _operator import attrgetter
    from marshal import dumps

    digest = _blake2b(digest_size=32)
    facts = attrgetter("st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns", "st_ctime_ns")
    stat, listdir, encode = os.stat, os.listdir, os.fsencode
    # Each frame: an open directory and the names of those below it that are still to visit.
    frames: list[tuple[int, list[str]]] = []
    fd = os.open(rootfs, _DIR)
    try:
        digest.update(dumps(facts(os.fstat(fd)), 2))
        while True:
            names = listdir(fd)
            names.sort()
            below = []
            for at in range(0, len(names) or 1, _BATCH):
                some = names[at : at + _BATCH]
                found = [facts(stat(name, dir_fd=fd, follow_symlinks=False)) for name in some]
                below += [name for name, it in zip(some, found) if it[0] & _FORMAT == _IS_DIR]
                digest.update(dumps((encode("\0".join(some)), found), 2))
            frames.append((fd, below))
            fd = -1
            while frames and not frames[-1][1]:
                os.close(frames.pop()[0])
            if not frames:
                return str(digest.hexdigest())
            fd = os.open(frames[-1][1].pop(), _DIR, dir_fd=frames[-1][0])
    finally:
        if fd >= 0:
            os.close(fd)
        for fd, _ in frames:
            os.close(fd)


def _blake2b(digest_size: int) -> Any:
    """The interpreter's own hash: hashlib would load OpenSSL for it."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b(digest_size=digest_size)


def read_mark(layout: Layout, tree: str) -> Optional[dict[str, Any]]:
    """The content of a tree's `rendered`, or None when it is not there or damaged."""
    return _mark_in(f"{layout.trees}/{tree}")


def _mark_in(directory: str) -> Optional[dict[str, Any]]:
    from podwright import jsonio
    from podwright.errors import UsageError

    path = f"{directory}/rendered"
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(65536), path)
    except (OSError, UsageError):
        return None
    return raw if isinstance(raw, dict) else None


def listed(directory: str) -> str:
    """The digest of a finished tree's list by its mark; "" when it says none."""
    return str((_mark_in(directory) or {}).get("mtree", ""))


def check_cheap(layout: Layout, layer: Layer) -> bool:
    """Whether a layer's tree is complete and, by its stat data, untouched since it was rendered."""
    mark = read_mark(layout, layer.tree)
    if mark is None or not layer.mtree or mark.get("mtree") != layer.mtree:
        return False
    try:
        return bool(mark.get("stat") == stat_digest(f"{layout.trees}/{layer.tree}/rootfs"))
    except OSError:
        return False


def verify_full(layout: Layout, layer: Layer) -> list[Difference]:
    """Read the whole tree and compare it with what was rendered; an empty list when it is that."""
    from podwright.stage0.render import treediff

    return treediff.differences(layout, layer)


def renew_stat(layout: Layout, layer: Layer) -> None:
    """Note the tree's stat data of now, after a full check: it was restored from a backup, say."""
    from podwright import jsonio
    from podwright.kernel import fs

    base = f"{layout.trees}/{layer.tree}"
    mark = read_mark(layout, layer.tree) or {}
    mark["stat"] = stat_digest(f"{base}/rootfs")
    fs.write_atomic(f"{base}/rendered", jsonio.dumps(mark).encode())


def mark(made: str, layer: Layer) -> None:
    """Write `rendered` into the finished tree `made` (rootfs, mtree), which is to become a layer."""
    from podwright import jsonio
    from podwright.kernel import fs
    from podwright.stage0.render import verity

    verity.protect(made)
    said = {
        "format": 2,
        "id": layer.tree,
        "mtree": layer.mtree,
        "stat": stat_digest(f"{made}/rootfs"),
    }
    fs.write_new(f"{made}/rendered", jsonio.dumps(said).encode(), durable=False)
