# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The full check of a rendered tree: every path, every byte, against its list (`mtree.py`).

Found are: changed content, removed and added paths, changed modes, owners, times, link targets,
types and extended attributes, and a changed list or mark. Not looked at: access times, link
counts and attributes that the host sets by itself (SELinux labels).
"""

from __future__ import annotations

import os

from podwright.errors import StoreError
from podwright.kernel import fs
from podwright.stage0 import treecheck
from podwright.stage0.render import mtree, verity
from podwright.stage0.treecheck import Difference
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.stage0.render.mtree import Entry
    from podwright.stage0.store import Layer

PARTS = ("rootfs", "mtree", "rendered", "verity")
MOST = 1000
"""Differences that are told; a tree that was replaced as a whole would give a million."""


def differences(layout: Layout, layer: Layer) -> list[Difference]:
    """What is not as it was rendered, at most `MOST`; empty when nothing is."""
    base = f"{layout.trees}/{layer.tree}"
    if not layer.mtree:
        return [Difference(".", "was stored without digests by an earlier agent")]
    mark = treecheck.read_mark(layout, layer.tree)
    if mark is None:
        return [Difference(".", "is not complete: its mark is missing or damaged")]
    try:
        with open(f"{base}/mtree", "rb") as file:
            listed = file.read()
    except OSError:
        return [Difference("mtree", "the list of digests is missing")]
    if mtree.sha256(listed) != layer.mtree:
        return [Difference("mtree", "the list of digests has changed")]
    out = []
    if mark.get("mtree") != layer.mtree:
        out.append(Difference("rendered", "the mark is of another tree"))
    if mark.get("id") not in (None, layer.tree):
        out.append(Difference("rendered", "the mark is of another image"))
    names = [name for name in os.listdir(base) if (fs.unfinished(name) or name) not in PARTS]
    out += [Difference(safe(name), "added") for name in names]
    try:
        out += compare(mtree.rows(listed, f"{base}/mtree"), f"{base}/rootfs")
    except StoreError:
        out.append(Difference("mtree", "the list of digests cannot be read"))
    for path in verity.changed(base):
        out.append(Difference(_shown(path), "its fs-verity digest changed"))
    return out


def other_content(rootfs: str, list_path: str) -> bool:
    """Whether a directory holds anything else than the list in the file `list_path` says."""
    try:
        with open(list_path, "rb") as file:
            return bool(compare(mtree.rows(file.read(), list_path), rootfs, 1))
    except (OSError, StoreError):
        return True


def compare(listed: dict[bytes, bytes], rootfs: str, most: int = MOST) -> list[Difference]:
    """What is in a directory in another way than listed; `listed` is used up."""
    out: list[Difference] = []
    try:
        for found in mtree.scan(rootfs):
            row = listed.pop(found.path, None)
            if row is None:
                out.append(Difference(_shown(found.path), "added"))
            else:
                what = _changes(mtree.parse(row), found)
                if what:
                    out.append(Difference(_shown(found.path), ", ".join(what)))
            if len(out) >= most:
                return out
    except OSError as err:
        where = _shown(os.fsencode(str(err.filename or "")).lstrip(b"/"))
        return [*out, Difference(where, f"cannot be read: {safe(err.strerror)}")]
    except (ValueError, KeyError):
        return [*out, Difference("mtree", "the list of digests cannot be read")]
    missing = sorted(listed)[: most - len(out)]
    return out + [Difference(_shown(path), "removed") for path in missing]


def _shown(path: bytes) -> str:
    return f"/{safe(path, 1024)}"


def _changes(listed: Entry, found: Entry) -> list[str]:
    """What differs between an entry as listed and as found."""
    if listed.kind != found.kind:
        return [f"type {listed.kind} became {found.kind}"]
    out = []
    if listed.sha256 != found.sha256 or (listed.size is not None and listed.size != found.size):
        out.append("content changed")
    if listed.link != found.link:
        out.append(f"link target {safe(listed.link, 80)!r} became {safe(found.link, 80)!r}")
    if listed.mode is not None and found.mode is not None and listed.mode != found.mode:
        out.append(f"mode {listed.mode:04o} became {found.mode:04o}")
    if (listed.uid, listed.gid) != (found.uid, found.gid):
        out.append(f"owner {listed.uid}:{listed.gid} became {found.uid}:{found.gid}")
    if listed.mtime != found.mtime:
        out.append("time changed")
    if listed.xattrs != found.xattrs or listed.opaque != found.opaque:
        out.append("extended attributes changed")
    return out
