# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs-verity for rendered trees, where the file system offers it.

    cas/tree/<id>/verity   one line per file: verity digest, and the path as in `mtree`

Whether it is offered shows on the tree's list, a file of its own: where it is not, that one call
is all it costs. With it the kernel refuses to read a file whose blocks have changed on the disk,
while a pod runs too.
"""

from __future__ import annotations

import os
import stat

from podwright.kernel import fs, verity
from podwright.kernel.step import step
from podwright.stage0.render import mtree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

NAME = "verity"
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def protect(made: str) -> bool:
    """Turn it on for every file of the finished tree `made`; False where it is not offered."""
    parent = os.open(made, _DIR)
    try:
        if _protected(parent, "mtree") is None:
            return False
        rows = []
        for path, directory, name in _files(f"{made}/rootfs"):
            digest = _protected(directory, name)
            if digest is not None:
                rows.append(b"%s ./%s\n" % (digest.encode(), mtree.escape(path)))
    finally:
        os.close(parent)
    fs.write_new(f"{made}/{NAME}", b"".join(sorted(rows)), durable=False)
    return True


def changed(tree: str) -> list[bytes]:
    """The files that have another verity digest than was noted.

    One that has none any more, as in a restored backup, is not among them.
    """
    try:
        with open(f"{tree}/{NAME}", "rb") as file:
            noted = {path: digest for digest, _, path in map(_split, file)}
    except FileNotFoundError:
        return []
    found = []
    for path, directory, name in _files(f"{tree}/rootfs"):
        fd = verity.open_file(directory, name)
        try:
            measured = verity.measure(fd)
        finally:
            os.close(fd)
        if measured is not None and noted.get(mtree.escape(path)) != measured.encode():
            found.append(path)
    return found


def _split(row: bytes) -> tuple[bytes, bytes, bytes]:
    return row.rstrip(b"\n").partition(b" ./")


def _protected(parent: int, name: str) -> Optional[str]:
    fd = verity.open_file(parent, name)
    try:
        before = os.fstat(fd)
        if not verity.enable(fd):
            return None
        # ext4 writes the hashes behind the content, and moves the modification time for it.
        step("utime")
        os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
        return verity.measure(fd)
    finally:
        os.close(fd)


def _files(rootfs: str) -> Iterator[tuple[bytes, int, str]]:
    """(path, open directory, name) of every regular file."""
    top = os.open(rootfs, _DIR)
    frames = [(top, b"", os.listdir(top))]
    try:
        while frames:
            fd, prefix, names = frames[-1]
            if not names:
                os.close(frames.pop()[0])
                continue
            name = names.pop()
            mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
            path = prefix + os.fsencode(name)
            if stat.S_ISREG(mode):
                yield path, fd, name
            elif stat.S_ISDIR(mode):
                below = os.open(name, _DIR, dir_fd=fd)
                frames.append((below, path + b"/", os.listdir(below)))
    finally:
        for fd, _, _ in frames:
            os.close(fd)
